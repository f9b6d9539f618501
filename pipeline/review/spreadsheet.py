"""Doubtful pairs as a CSV file that people fill in with a spreadsheet program."""

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, cast

from pipeline.review.judgements import WrongJudgementError, judge
from pipeline.review.pairs import read_pairs
from transforms.core.records import COMPANY, CONTACT
from transforms.ledger.database import Ledger

COLUMNS = ("kind", "one", "other", "bits", "why", "evidence", "left", "right", "verdict")
_YES, _NO = ("yes", "y", "да", "1"), ("no", "n", "нет", "0")


def write_csv(ledger: Ledger, path: Path) -> int:
    """Write the pairs that wait, with an empty column ``verdict``. Returns how many they are.

    Raises:
        WrongJudgementError: the file cannot be written.
    """
    described_pairs = read_pairs(ledger)
    with _open(path, "w") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for described in described_pairs:
            pair = described.pair
            facts = (pair.kind, pair.left_ref, pair.right_ref, f"{pair.bits:.1f}", pair.why)
            texts = (described.evidence, described.left_text, described.right_text)
            writer.writerow([*facts, *map(_defuse, texts), ""])
    return len(described_pairs)


def read_csv(ledger: Ledger, path: Path) -> int:
    """Save the judgements of a file that was filled in. Returns how many there are.

    Raises:
        WrongJudgementError: the file or a line of it (named) cannot be read, and nothing is saved;
            or the ledger lacks a record, and nothing on records of that kind is saved.
    """
    judgements: dict[str, dict[tuple[str, str], bool]] = {COMPANY: {}, CONTACT: {}}
    with _open(path, "r") as file:
        for number, line in _filled_lines(file):
            kind, left_ref, right_ref = (line.get(name) or "" for name in ("kind", "one", "other"))
            verdict = _parse_verdict(line)
            if kind not in judgements or not left_ref or not right_ref or verdict is None:
                raise WrongJudgementError(
                    f"{path}, line {number}: it needs kind, one, other, and yes or no as verdict"
                )
            judgements[kind][left_ref, right_ref] = verdict
    for kind, judgements_of_kind in judgements.items():
        judge(ledger, kind, judgements_of_kind)
    return sum(map(len, judgements.values()))


@contextmanager
def _open(path: Path, mode: str) -> Iterator[TextIO]:
    try:
        # The byte order mark: without it spreadsheets take the file for Windows-1251.
        with path.open(mode, encoding="utf-8-sig", newline="") as file:
            yield cast(TextIO, file)
    except OSError as error:
        raise WrongJudgementError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise WrongJudgementError(f"{path} is not UTF-8: save it as CSV UTF-8") from None


def _filled_lines(file: TextIO) -> Iterator[tuple[int, Mapping[str, str | None]]]:
    """Yields the lines that have a verdict, with their numbers."""
    heading = file.readline()
    file.seek(0)
    # A spreadsheet program set to Russian writes semicolons.
    delimiter = ";" if heading.count(";") > heading.count(",") else ","
    for number, line in enumerate(csv.DictReader(file, delimiter=delimiter), 2):
        if (line.get("verdict") or "").strip():
            yield number, line


def _parse_verdict(line: Mapping[str, str | None]) -> bool | None:
    verdict = (line.get("verdict") or "").strip().lower()
    return verdict in _YES if verdict in _YES + _NO else None


def _defuse(text: str) -> str:
    # A spreadsheet would run it as a formula, and the stores' customers choose their names.
    return f"'{text}" if text[:1] in "=+-@\t" else text
