"""Compares the program's result with the truth of the world: a sentence for each difference.

It reads the CRM's records (rows of the sandbox portal) and the ledger's tables of the contract, and
is independent of the program.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from sandbox.world.truth import GOLDEN, Outcome

Row = Mapping[str, Any]
RowId = tuple[str, str, str]
"""Kind, source and source id of a row of a store."""

_ORIGINATOR = "svod"


class End(NamedTuple):
    """The outcome of a source row: ``golden`` with the key of its record, or the reason."""

    outcome: str
    key: str = ""


def row_id(truth: Outcome) -> RowId:
    """Returns the id of the row that a truth describes."""
    return truth.kind, truth.source, truth.source_id


def ledger_ends(ledger: str | sa.URL) -> dict[RowId, list[End]]:
    """Returns the outcomes of every source row in the ledger; there should be one for each."""
    ends: dict[RowId, list[End]] = defaultdict(list)
    engine = sa.create_engine(ledger)
    with engine.connect() as connection:
        for query in (
            "SELECT kind, source, source_id, 'golden', members.key FROM members",
            "SELECT 'company', source, source_id, reason, '' FROM invalid_companies",
            "SELECT 'contact', source, source_id, reason, '' FROM invalid_contacts",
            "SELECT kind, source, source_id, reason, '' FROM deferred",
        ):
            for kind, source, source_id, outcome, key in connection.execute(sa.text(query)):
                ends[kind, source, source_id].append(End(outcome, key))
    engine.dispose()
    return ends


def judge_rows(truths: Iterable[Outcome], ends: Mapping[RowId, list[End]]) -> Iterator[str]:
    """Reports rows with a wrong outcome, without one, or with several."""
    judged_rows = set()
    for truth in truths:
        judged_rows.add(row_id(truth))
        row_ends = ends.get(row_id(truth), [])
        outcomes = [end.outcome for end in row_ends]
        if outcomes != [truth.outcome]:
            yield f"{_name(truth)} should be {truth.outcome}, is {_and(outcomes)}"
        elif truth.kind == "company" and (row_ends[0].key,) != (truth.tins or ("",)):
            yield f"{_name(truth)} should be in company {truth.tins[0]}, is in {row_ends[0].key}"
    for kind, source, source_id in ends.keys() - judged_rows:
        yield f"{kind} {source}:{source_id} is in the ledger and in no store"


def judge_companies(
    companies: Iterable[Row], requisites: Iterable[Row], tins: Collection[str]
) -> Iterator[str]:
    """Reports companies that the CRM lacks, has twice or must not have, or without requisite."""
    counts: Counter[str] = Counter()
    of_company: dict[int, set[str]] = defaultdict(set)
    for requisite in requisites:
        of_company[int(requisite["ENTITY_ID"])].add(str(requisite["RQ_INN"]))
    for company in companies:
        if company["originatorId"] == _ORIGINATOR:
            tin = company["originId"]
            counts[tin] += 1
            if of_company[company["id"]] != {tin}:
                requisite_tins = _and(sorted(of_company[company["id"]]))
                yield f"company {tin}: the TIN in its requisites is {requisite_tins}"
    yield from _judge_keys("company", counts, tins)


def judge_contacts(
    contacts: Iterable[Row],
    companies: Iterable[Row],
    truths: Iterable[Outcome],
    ends: Mapping[RowId, list[End]],
) -> Iterator[str]:
    """Reports contacts that the CRM lacks, has twice or must not have, or with wrong links."""
    tins: dict[str, set[str]] = defaultdict(set)
    for truth in _golden_contacts(truths):
        for end in ends.get(row_id(truth), []):
            if end.key:
                tins[end.key] |= set(truth.tins)
    tin_of = {company["id"]: company["originId"] for company in companies}
    counts: Counter[str] = Counter()
    for contact in contacts:
        if contact["originatorId"] == _ORIGINATOR:
            key = contact["originId"]
            counts[key] += 1
            linked = {tin_of.get(company, "?") for company in contact["companyIds"]}
            if key in tins and linked != tins[key]:
                yield f"contact {key} should be of {_and(sorted(tins[key]))}, is of {_and(linked)}"
    yield from _judge_keys("contact", counts, tins)


def mixed_contacts(truths: Iterable[Outcome], ends: Mapping[RowId, list[End]]) -> list[str]:
    """Returns the keys of contacts that are made of several people.

    A few are unavoidable: namesakes of one family with one mobile number.
    """
    people: dict[str, set[int | None]] = defaultdict(set)
    for truth in _golden_contacts(truths):
        for end in ends.get(row_id(truth), []):
            if end.key:
                people[end.key].add(truth.person)
    return sorted(key for key, persons in people.items() if len(persons) > 1)


def count_missed_merges(truths: Iterable[Outcome], ends: Mapping[RowId, list[End]]) -> int:
    """Counts missed merges: rows of a company that share a personal mobile or e-mail.

    A missed merge is not a fault: doubtful pairs must not be merged.
    """
    keys: dict[tuple[int | None, str, str], set[str]] = defaultdict(set)
    for truth in _golden_contacts(truths):
        for tin in truth.tins:
            for evidence in truth.evidence:
                keys[truth.person, tin, evidence] |= {
                    end.key for end in ends.get(row_id(truth), []) if end.key
                }
    missed = {frozenset(shared) for shared in keys.values() if len(shared) > 1}
    return len(missed)


def _golden_contacts(truths: Iterable[Outcome]) -> Iterator[Outcome]:
    return (truth for truth in truths if truth.kind == "contact" and truth.outcome == GOLDEN)


def _judge_keys(kind: str, counts: Counter[str], expected: Collection[str]) -> Iterator[str]:
    for key in expected:
        if counts[key] != 1:
            yield f"{kind} {key} is in the CRM {counts[key]} times"
    for key in counts.keys() - set(expected):
        yield f"{kind} {key} is in the CRM and should not be"


def _name(truth: Outcome) -> str:
    return f"{truth.kind} {truth.source}:{truth.source_id}"


def _and(names: Collection[str]) -> str:
    return " and ".join(names) or "nothing"
