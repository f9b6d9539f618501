"""What several test files share: one MariaDB for all of them, an installation for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.mariadb import MariaDB
from tests.installation import Installation, installation


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDB]:
    with MariaDB(tmp_path_factory.mktemp("mariadb")) as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, mariadb: MariaDB) -> Iterator[Installation]:
    """An installation with empty stores."""
    with installation(tmp_path, mariadb) as made:
        yield made
