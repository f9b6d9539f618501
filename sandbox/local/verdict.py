"""Compares a local run's result with the truth of its world, for the person at the terminal."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy.engine import URL

from sandbox import judge
from sandbox.local.portal_view import PortalView
from sandbox.world.truth import GOLDEN, Outcome

_SHOWN: Final = 10
# A greater share of contacts that mix people is a fault.
_MIXED: Final = 0.001
_ITEM: Final = ("id", "originatorId", "originId")


def verdict(folder: Path, ledger: Path, portal: PortalView) -> tuple[bool, list[str]]:
    """Returns whether the result is right, and the lines to print.

    Writes all differences to ``differences.txt`` in the folder.
    """
    ends = judge.ledger_ends(URL.create("sqlite", database=str(ledger)))
    companies = list(portal.records("companies", *_ITEM))
    contacts = list(portal.records("contacts", *_ITEM, "companyIds"))
    tins = {tin for truth in _truths(folder) if _is_company(truth) for tin in truth.tins}
    differences = list(
        chain(
            judge.judge_rows(_truths(folder), ends),
            judge.judge_companies(
                companies, portal.records("requisites", "ENTITY_ID", "RQ_INN"), tins
            ),
            judge.judge_contacts(contacts, companies, _truths(folder), ends),
        )
    )
    mixed = judge.mixed_contacts(_truths(folder), ends)
    if len(mixed) > len(contacts) * _MIXED:
        differences += [f"contact {key} is different people" for key in mixed]
    (folder / "differences.txt").write_text(
        "".join(f"{difference}\n" for difference in differences)
    )
    if differences:
        shown = [f"  {difference}" for difference in differences[:_SHOWN]]
        head = f"{len(differences):,} differences from the truth ({folder / 'differences.txt'}):"
        return False, [head, *shown]
    missed = judge.count_missed_merges(_truths(folder), ends)
    return True, [
        f"The CRM holds exactly the {len(tins):,} companies that it should, and"
        f" {len(contacts):,} contacts of theirs ({missed:,} people twice in a company,"
        f" {len(mixed):,} contacts of two people).",
        f"Each of the {len(ends):,} rows of the stores came to the end that it should.",
    ]


def portal_lines(portal: PortalView) -> Iterator[str]:
    """Yields lines about the portal's counters."""
    stats = portal.stats()
    if stats["writes"]:
        yield f"Bitrix24 counted {stats['requests']:,} requests, {stats['writes']:,} writes."
    else:
        yield f"Nothing was written: Bitrix24 counted {stats['requests']:,} requests, all to read."
    violations = ", ".join(f"{name} {count:,}" for name, count in stats["violations"].items())
    if violations:
        yield f"Bitrix24 complains: {violations}"


def _is_company(truth: Outcome) -> bool:
    return truth.kind == "company" and truth.outcome == GOLDEN


def _truths(folder: Path) -> Iterator[Outcome]:
    decode = msgspec.json.Decoder(Outcome).decode
    with (folder / "truth.jsonl").open("rb") as lines:
        yield from map(decode, lines)
