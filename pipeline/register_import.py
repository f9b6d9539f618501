"""``svod register import``: the register's answers from its bulk files."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from sqlalchemy.engine import Connection

from transforms.core.errors import ConfigurationError
from transforms.core.identity import Run
from transforms.core.outcomes import DONE, INCOMPLETE
from transforms.ledger.base.answers import (
    BulkProgress,
    bulk_progress,
    save_answers,
    save_bulk_progress,
)
from transforms.ledger.database import Ledger
from transforms.ledger.lock import exclusive
from transforms.ledger.runs import finish_run, start_run
from transforms.register.answer import Answer
from transforms.register.bulk import BEGINNING, BrokenDocument, Position, read_bulk

_PER_TRANSACTION = 1000
_SHOWN = 5


def import_files(ledger: Ledger, files: Sequence[str]) -> tuple[list[str], bool]:
    """Read the files; one that an earlier import did not finish is continued where that stopped.

    Returns a report, line by line, and whether everything could be read.

    Raises:
        ConfigurationError: naming a file that cannot be opened, before any is read.
    """
    paths = [Path(file) for file in files]
    for path in paths:
        if not path.is_file():
            raise ConfigurationError(f"register import: there is no file {path}")
    with exclusive(ledger):
        run = start_run(ledger, "register import")
        imports = [_FileImport(ledger, run, path) for path in paths]
        lines = [line for file_import in imports for line in file_import.lines()]
        is_complete = not any(file_import.defects for file_import in imports)
        finish_run(ledger, run, DONE if is_complete else INCOMPLETE, None)
    return lines, is_complete


class _FileImport:
    """The import of one file; ``defects`` counts the documents that were left out, by reason."""

    def __init__(self, ledger: Ledger, run: Run, path: Path) -> None:
        self._ledger, self._run, self._path = ledger, run, path
        stat = path.stat()
        # The same name with other content is another file.
        self._file = f"{path.name[-200:]} {stat.st_size} {stat.st_mtime_ns}"
        self._answers: list[Answer] = []
        self._saved = 0
        self.defects: Counter[str] = Counter()

    def lines(self) -> Iterator[str]:
        """Import the file, then report."""
        with self._ledger.read() as connection:
            progress = bulk_progress(connection, self._file)
        if progress and progress.is_done:
            yield f"{self._path}: read before"
            return
        self._read(Position(progress.member, progress.document) if progress else BEGINNING)
        yield f"{self._path}: {self._saved:,} answers are new"
        for reason, count in self.defects.most_common(_SHOWN):
            yield f"  {count:,} documents left out: {reason}"

    def _read(self, start: Position) -> None:
        position = start
        for position, item in read_bulk(self._path, start):
            if isinstance(item, BrokenDocument):
                self.defects[f"{item.member}: {item.reason}" if item.member else item.reason] += 1
            else:
                self._answers.append(item)
            if len(self._answers) >= _PER_TRANSACTION:
                self._save(position, is_done=False)
        self._save(position, is_done=True)

    def _save(self, position: Position, is_done: bool) -> None:
        progress = BulkProgress(position.member, position.document, is_done)

        def save(connection: Connection) -> int:
            save_bulk_progress(connection, self._file, progress)
            return save_answers(connection, self._run.run_seq, self._answers)

        self._saved += self._ledger.transact(save)
        self._answers.clear()
