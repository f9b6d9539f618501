"""``python -m bench.files``: the same records through CSV, JSON Lines, JSON and a workbook.

Prints for each kind of file the records a second, from the file to cleaned rows in one process, and
the peak memory of that process, at a size and at ten times as many records.
"""

import argparse
import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

import openpyxl

from transforms.clean_batch import CleanBatch, clean_records
from transforms.configuration.structs import CompanyTable, FullSource, SourceKind, StoreTable
from transforms.core.process_pool import IN_PLACE
from transforms.core.records import COMPANY, DeadLetter
from transforms.stores.files.data_file import DataFile
from transforms.stores.files.parts import FilePart
from transforms.stores.mapping.cleaners import compile_store

_KINDS: tuple[SourceKind, ...] = ("csv", "jsonl", "json", "xlsx")
_NAMES = ("id", "inn", "name", "phone", "mail", "address", "modified")
_TABLE = CompanyTable(
    id="id", tin="inn", name="name", phones="phone", emails="mail", changed_at="modified"
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.files", description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--kinds", nargs="+", default=list(_KINDS), choices=_KINDS)
    parser.add_argument("--read", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.read:
        kind, path = chosen.read
        _print_reading(kind, path, chosen.records)
        return
    print(f"{'kind':8}{'records':>12}{'bytes':>16}{'records/s':>12}{'MB':>8}")
    for kind in chosen.kinds:
        for count in (chosen.records, 10 * chosen.records):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"file.{kind}"
                _WRITERS[kind](path, count)
                print(f"{kind:8}{count:12,}{path.stat().st_size:16,}{_measure(kind, path, count)}")


def _measure(kind: str, path: Path, records: int) -> str:
    command = [sys.executable, "-m", "bench.files", "--read", kind, str(path)]
    command.append(f"--records={records}")
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.rstrip()


def _print_reading(kind: SourceKind, path: str, records: int) -> None:
    begin = time.perf_counter()
    count = sum(map(len, _read(kind, path)))
    if count != records:
        raise ValueError(f"{count} of {records} records of {path} were read")
    seconds = time.perf_counter() - begin
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{count / seconds:12,.0f}{memory:8,}")


def _read(kind: SourceKind, path: str) -> Iterator[CleanBatch]:
    store = StoreTable(full=FullSource(kind=kind), company=_TABLE)
    cleaner = compile_store("shop", store).cleaners[COMPANY]
    convert = partial(clean_records, cleaners=[cleaner])
    part = FilePart(path=path, kind=kind, names=_NAMES, id_names=("id",))
    for element in DataFile(partial(_open, path), part, convert, IN_PLACE):
        if isinstance(element, DeadLetter):
            raise TypeError(f"{path} is broken: {element.reason}")
        yield element


def _open(path: str) -> BinaryIO:
    return Path(path).open("rb")


def _records(count: int) -> Iterator[tuple[str, ...]]:
    for number in range(count):
        yield (
            f"{number:08}",
            "7805746764",
            f"ООО Ромашка {number}",
            f"+7 921 {number % 1000:03}-45-67",
            f"info{number}@romashka.example",
            "198096, г. Санкт-Петербург, ул. Кронштадтская, д. 9",
            "2024-02-11 17:40:12",
        )


def _write_csv(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(_NAMES)
        writer.writerows(_records(count))


def _write_json_lines(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for line in _json_records(count):
            file.write(f"{line}\n")


def _write_json(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write('{"data": {"customers": [')
        for number, line in enumerate(_json_records(count)):
            file.write(f",\n{line}" if number else line)
        file.write("]}}")


def _json_records(count: int) -> Iterator[str]:
    for record in _records(count):
        yield json.dumps(dict(zip(_NAMES, record, strict=True)), ensure_ascii=False)


def _write_workbook(path: Path, count: int) -> None:
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Клиенты")
    sheet.append(_NAMES)
    for record in _records(count):
        sheet.append(record)
    book.save(path)


_WRITERS: dict[str, Callable[[Path, int], None]] = {
    "csv": _write_csv,
    "jsonl": _write_json_lines,
    "json": _write_json,
    "xlsx": _write_workbook,
}

if __name__ == "__main__":
    main()
