"""``svod review``: doubtful pairs for somebody to judge, in the terminal or as CSV there and back.

What is said is remembered for ever, and the next run obeys it: a yes joins, a no keeps apart, also
what had been joined before. Names and phones are shown: it is for the operator's own eyes.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, cast

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from transforms.consolidation.contact_standing import contacts_of
from transforms.core.errors import SvodError
from transforms.core.golden_records import decode_golden_company
from transforms.core.identity import row_key
from transforms.core.records import COMPANY, CONTACT, decode_company, decode_contact
from transforms.ledger import schema
from transforms.ledger.base.reviews import DoubtfulPair, doubtful_pairs, save_judgements
from transforms.ledger.database import Ledger
from transforms.ledger.rows.rebuild_marks import mark_dirty
from transforms.ledger.runs import utc_now

COLUMNS = ("kind", "one", "other", "bits", "why", "evidence", "left", "right", "verdict")
_YES, _NO = ("yes", "y", "да", "1"), ("no", "n", "нет", "0")


class WrongJudgementError(SvodError):
    """A judgement on something that is not in the ledger, or that says neither yes nor no."""


class Shown(msgspec.Struct, frozen=True):
    """A doubtful pair as people see it: both sides in words."""

    doubt: DoubtfulPair
    left: str
    right: str

    @property
    def evidence(self) -> str:
        """What speaks for and against, with its weights in bits."""
        return "; ".join(f"{what}: {how} {bits:+.1f}" for what, how, bits in self.doubt.evidence)


def pairs(ledger: Ledger) -> list[Shown]:
    """All that waits for a judgement, the likeliest first."""
    with ledger.read() as connection:
        return [
            Shown(one, _told(connection, one.kind, one.left_ref), _told_other(connection, one))
            for one in doubtful_pairs(connection)
        ]


def lines(ledger: Ledger) -> Iterator[str]:
    """The list for the terminal."""
    shown = pairs(ledger)
    for one in shown:
        doubt = one.doubt
        refs = f"{doubt.left_ref} and {doubt.right_ref}"
        yield f"{refs} ({doubt.kind}), {doubt.bits:.1f} bits: {doubt.why}"
        yield f"   {one.left}"
        yield f"   {one.right}"
        yield f"   {one.evidence}"
    yield (
        f"{len(shown):,} pairs wait for a judgement: svod review --yes ONE OTHER, --no ONE OTHER,"
        " --write FILE, --read FILE, --page"
        if shown
        else "Nothing waits for a judgement."
    )


def write_csv(ledger: Ledger, path: Path) -> int:
    """Write the list with an empty column ``verdict``. Returns how many pairs there are."""
    shown = pairs(ledger)
    # With a mark in front, or spreadsheets take it for Windows-1251.
    with _opened(path, "w") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for one in shown:
            doubt = one.doubt
            facts = (doubt.kind, doubt.left_ref, doubt.right_ref, f"{doubt.bits:.1f}", doubt.why)
            writer.writerow([*facts, *map(_defused, (one.evidence, one.left, one.right)), ""])
    return len(shown)


@contextmanager
def _opened(path: Path, mode: str) -> Iterator[TextIO]:
    try:
        with path.open(mode, encoding="utf-8-sig", newline="") as file:
            yield cast(TextIO, file)
    except OSError as error:
        raise WrongJudgementError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise WrongJudgementError(f"{path} is not UTF-8: save it as CSV UTF-8") from None


def _defused(text: str) -> str:
    # A spreadsheet would take it for a formula: names come from anybody.
    return f"'{text}" if text[:1] in "=+-@\t" else text


def read_csv(ledger: Ledger, path: Path) -> int:
    """Take up the verdicts of a list that was written and filled in. Returns how many there are.

    Raises:
        WrongJudgementError: naming the line; nothing of the file is taken up then.
    """
    said: dict[str, dict[tuple[str, str], bool]] = {COMPANY: {}, CONTACT: {}}
    with _opened(path, "r") as file:
        sample = file.readline()
        file.seek(0)
        delimiter = ";" if sample.count(";") > sample.count(",") else ","
        for number, row in enumerate(csv.DictReader(file, delimiter=delimiter), 2):
            verdict = (row.get("verdict") or "").strip().lower()
            if not verdict:
                continue
            kind, one, other = (row.get(name) or "" for name in ("kind", "one", "other"))
            if kind not in said or not one or not other or verdict not in _YES + _NO:
                raise WrongJudgementError(
                    f"{path}, line {number}: it needs kind, one, other, and yes or no as verdict"
                )
            said[kind][one, other] = verdict in _YES
    for kind, verdicts in said.items():
        judge(ledger, kind, verdicts)
    return sum(map(len, said.values()))


def judge(ledger: Ledger, kind: str, said: Mapping[tuple[str, str], bool]) -> None:
    """Remember judgements, and have the next run obey them.

    Raises:
        WrongJudgementError: when the ledger knows nothing of one of the two; nothing is kept then.
    """

    def save(connection: Connection) -> None:
        for one, other in said:
            _check(connection, kind, one, other)
        save_judgements(connection, kind, said, utc_now())
        if kind == CONTACT:
            mark_dirty(connection, {row_key(ref) for pair in said for ref in pair})
        else:
            mark_dirty(connection, contacts_of(connection, [row_key(one) for one, _ in said]))

    ledger.transact(save)


def kind_of(pair: Sequence[str]) -> str:
    """What the pair is about: rows of contacts, or a company's row and a TIN."""
    return CONTACT if ":" in pair[1] else COMPANY


def _check(connection: Connection, kind: str, one: str, other: str) -> None:
    if one == other:
        raise WrongJudgementError(f"{one} and {other} are the same row")
    for ref in (one, other):
        if not _told(connection, kind if ":" in ref else "", ref):
            raise WrongJudgementError(
                f"nothing is known of {ref}: give two rows of contacts (A:17 B:0002000456), or a"
                " company's row and a TIN (A:17 7805746764)"
            )


def _told_other(connection: Connection, doubt: DoubtfulPair) -> str:
    return _told(connection, doubt.kind if ":" in doubt.right_ref else "", doubt.right_ref)


def _told(connection: Connection, kind: str, ref: str) -> str:
    """A row in words, or with no kind the company of a TIN; "" when there is none."""
    if not kind:
        golden = schema.golden.c
        query = sa.select(golden.payload).where(golden.kind == COMPANY, golden.key == ref)
        found = connection.execute(query).scalar()
        if found is None:
            return ""
        company = decode_golden_company(found)
        return _joined(company.title, company.tin, *company.phones, *company.emails)
    source, source_id = row_key(ref)
    table = schema.rows.c
    query = sa.select(table.payload).where(
        table.source == source, table.kind == kind, table.source_id == source_id
    )
    found = connection.execute(query).scalar()
    if found is None:
        return ""
    if kind == COMPANY:
        row = decode_company(found)
        return _joined(row.name or ref, *row.phones, *row.emails)
    contact = decode_contact(found)
    name = " ".join(filter(None, (contact.last_name, contact.first_name, contact.middle_name)))
    return _joined(name or ref, contact.position, *contact.phones, *contact.emails)


def _joined(*parts: str) -> str:
    return ", ".join(filter(None, parts))
