"""``svod register import``: the register's answers from its bulk files."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import sqlalchemy as sa

from transforms.core.errors import ConfigurationError
from transforms.core.identity import Run
from transforms.ledger import schema
from transforms.ledger.base import answers
from transforms.ledger.database import Ledger
from transforms.ledger.lock import exclusive
from transforms.ledger.runs import finish_run, start_run
from transforms.ledger.statements import upsert
from transforms.register.answer import Answer
from transforms.register.bulk import BEGINNING, BrokenDocument, Position, read_bulk

_PER_TRANSACTION = 1000
_SHOWN = 5


def import_files(ledger: Ledger, files: Sequence[str]) -> tuple[list[str], bool]:
    """Read the files, going on where an earlier import was cut off.

    Returns what to tell, line by line, and whether everything could be read.

    Raises:
        ConfigurationError: naming a file that cannot be opened, before any is read.
    """
    paths = [Path(file) for file in files]
    for path in paths:
        if not path.is_file():
            raise ConfigurationError(f"register import: there is no file {path}")
    with exclusive(ledger):
        run = start_run(ledger, "register import")
        told = [line for path in paths for line in _Import(ledger, run, path).lines()]
        complete = not any(line.startswith(" ") for line in told)
        finish_run(ledger, run, "done" if complete else "incomplete", None)
    return told, complete


class _Import:
    def __init__(self, ledger: Ledger, run: Run, path: Path) -> None:
        self._ledger, self._run, self._path = ledger, run, path
        stat = path.stat()
        # The same name with another content is another file.
        self._file = f"{path.name[-200:]} {stat.st_size} {stat.st_mtime_ns}"
        self._found: list[Answer] = []
        self._kept = 0
        self._broken: Counter[str] = Counter()

    def lines(self) -> Iterator[str]:
        start, done = self._position()
        if done:
            yield f"{self._path}: read before"
            return
        position = start
        for position, item in read_bulk(self._path, start):
            if isinstance(item, BrokenDocument):
                self._broken[f"{item.member}: {item.reason}" if item.member else item.reason] += 1
            else:
                self._found.append(item)
            if len(self._found) >= _PER_TRANSACTION:
                self._save(position, done=False)
        self._save(position, done=True)
        yield f"{self._path}: {self._kept:,} answers are new"
        for reason, count in self._broken.most_common(_SHOWN):
            yield f"  {count:,} documents left out: {reason}"

    def _position(self) -> tuple[Position, bool]:
        table = schema.register_files.c
        query = sa.select(table.member, table.document, table.done).where(table.file == self._file)
        with self._ledger.read() as connection:
            known = connection.execute(query).first()
        return (
            (Position(known.member, known.document), bool(known.done))
            if known
            else (
                BEGINNING,
                False,
            )
        )

    def _save(self, position: Position, done: bool) -> None:
        def save(connection: sa.Connection) -> int:
            kept = answers.save_answers(connection, self._run.run_seq, self._found)
            place = {"file": self._file, "member": position.member, "done": int(done)}
            upsert(connection, schema.register_files, [{**place, "document": position.document}])
            return kept

        self._kept += self._ledger.transact(save)
        self._found.clear()
