"""Fixtures that several test files share: one MariaDB, one PostgreSQL and one Kafka broker for
all tests, an
installation and a topic for each test.

The folder is flat, one file for each subject, named ``test_<room>_<module or subject>.py``; what
several files need stands in ``tests/helpers``, never in a test file.
"""

import bz2
import os
import re
import sys
from argparse import HelpFormatter
from collections.abc import Iterator
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from ssl import SSLContext
from unittest.mock import patch

import pytest
from apache_beam.options.pipeline_options import _BeamArgumentParser
from apache_beam.transforms import core
from apache_beam.typehints.decorators import IOTypeHints
from hypothesis import HealthCheck, settings

from sandbox.servers.kafka import Kafka
from sandbox.servers.mariadb import MariaDB
from sandbox.servers.postgresql import PostgreSQL
from tests.helpers.installation import Installation, installation
from tests.helpers.ledgers import DATABASES, create_ledger
from transforms.ledger.database import Ledger, open_ledger
from transforms.stores.topic import client

# How long an example takes depends on the machine; speed is a matter of the benches.
settings.register_profile("svod", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("svod")


@pytest.fixture(scope="session", autouse=True)
def quick_libraries() -> Iterator[None]:
    """Skip what libraries repeat in each of some hundred runs, and no result depends on.

    It took more than a third of a small run. Processes that tests start do all of it.
    """
    compress, check = bz2.compress, core._check_fn_use_yield_and_return
    with pytest.MonkeyPatch.context() as patched:
        # Each connection to MariaDB reads the machine's certificates, and checks none with them.
        patched.setattr(SSLContext, "load_default_certs", lambda *_: None)
        # Beam packs each step, a few kilobytes, with buffers for megabytes,
        patched.setattr(bz2, "compress", lambda data, **_: compress(data, 1))
        # records where it was made, which no test reads,
        patched.setattr(IOTypeHints, "_make_origin", lambda *_, **__: [])
        # reads its source,
        patched.setattr(core, "_check_fn_use_yield_and_return", cache(check))
        # and searches for this package;
        patched.setitem(sys.modules, "IPython", None)
        # and for each of its options it asks how wide the terminal is.
        narrow = partial(HelpFormatter, width=80)
        patched.setattr(_BeamArgumentParser, "_get_formatter", lambda parser: narrow(parser.prog))
        yield


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Restore the environment: what a command puts there for its workers ends with the test."""
    with patch.dict(os.environ):
        yield


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    with MariaDB(tmp_path_factory.mktemp("mariadb")) as running:
        yield running


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    with PostgreSQL() as running:
        yield running


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    with (
        Kafka(tmp_path_factory.mktemp("kafka"), secured=True) as running,
        pytest.MonkeyPatch.context() as patched,
    ):
        # A broker that has nothing more says so after half a second: each run would wait for it.
        patched.setitem(client._DEFAULT_SETTINGS, "fetch.wait.max.ms", 10)
        yield running


@pytest.fixture(params=DATABASES)
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty ledger, on each database in turn."""
    return create_ledger(request, tmp_path)


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    """The same, opened."""
    with closing(open_ledger(ledger_url)) as opened:
        yield opened


@pytest.fixture
def topic(kafka: Kafka, request: pytest.FixtureRequest) -> str:
    """A topic of three partitions, of this test alone."""
    name = re.sub(r"[^\w.-]", "_", request.node.name, flags=re.ASCII)
    kafka.create_topic(name)
    return name


@pytest.fixture
def place(tmp_path: Path, mariadb: MariaDB) -> Iterator[Installation]:
    """An installation with empty stores."""
    with installation(tmp_path, mariadb) as empty_installation:
        yield empty_installation
