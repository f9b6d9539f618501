"""What several test files share: one MariaDB and one Kafka broker for all of them, an installation
and a topic for each test.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest
import sqlalchemy as sa

from sandbox.kafka import Kafka
from sandbox.mariadb import MariaDB
from tests.installation import Installation, installation


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """What a command hands to its workers by the environment does not outlive the test."""
    with patch.dict(os.environ):
        yield


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    with MariaDB(tmp_path_factory.mktemp("mariadb")) as running:
        yield running


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    with Kafka(tmp_path_factory.mktemp("kafka"), secured=True) as running:
        yield running


@pytest.fixture
def topic(kafka: Kafka, request: pytest.FixtureRequest) -> str:
    """A topic of three partitions, of this test alone."""
    name = re.sub(r"[^\w.-]", "_", request.node.name, flags=re.ASCII)
    kafka.create_topic(name)
    return name


@pytest.fixture
def place(tmp_path: Path, mariadb: MariaDB) -> Iterator[Installation]:
    """An installation with empty stores."""
    with installation(tmp_path, mariadb) as made:
        yield made


@pytest.fixture
def postgresql() -> str:
    """The database that ``SVOD_TEST_POSTGRESQL`` names, emptied."""
    if not (url := os.environ.get("SVOD_TEST_POSTGRESQL")):
        pytest.skip("SVOD_TEST_POSTGRESQL names no database")
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    engine.dispose()
    return url
