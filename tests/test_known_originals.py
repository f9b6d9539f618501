"""A load that cleans only what has changed ends as one that cleans everything: its slow twin."""

import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from tests.helpers.ledgers import open_ledger
from transforms import clean_batch as clean_batch_module
from transforms import known_originals
from transforms.clean_batch import (
    INVALID_COMPANIES,
    CleanBatch,
    KnownRows,
    clean_batch,
    clean_partners,
)
from transforms.configuration.builtin import SECOND_STORE, built_in_configuration
from transforms.core.identity import Run, now
from transforms.core.records import DeadLetter, Row, decode_rows
from transforms.known_originals import OriginalsOfLedger
from transforms.ledger import schema
from transforms.ledger.accounting import read_counts
from transforms.ledger.database import Ledger
from transforms.ledger.rows.source_rows import TouchedKeys, remember
from transforms.ledger.runs import start_run
from transforms.stores.mapping.cleaners import compile_store
from transforms.stores.mapping.headers import NO_CLOCK_BOUND, ClockBound
from transforms.stores.topic.events import event_reader
from transforms.stores.topic.messages import TopicMessage
from transforms.stores.two_stores import clean_company

TINS = ("7805746764", "7707083893", "7702070139", "123", None)
TIMES = ("2024-03-01T10:00:00Z", "2024-03-02T10:00:00Z", "2024-03-02T10:00:00.5Z", None)
YEAR = 365 * 86_400_000_000
TABLES = (
    *(schema.rows, schema.links, schema.tombstones, schema.invalid_companies),
    *(schema.invalid_contacts, schema.stale_companies, schema.stale_contacts),
)
OFTEN, SELDOM = 0.7, 0.08
Partner = dict[str, Any]


@pytest.fixture
def ledgers(tmp_path: Path) -> Iterator[tuple[Ledger, Ledger]]:
    with (
        closing(open_ledger(f"sqlite:///{tmp_path}/slow.db")) as slow,
        closing(open_ledger(f"sqlite:///{tmp_path}/fast.db")) as fast,
    ):
        yield slow, fast


def next_year() -> str:
    return datetime.fromtimestamp((now() + YEAR) / 1e6, UTC).isoformat()


def partner(chance: random.Random, number: int) -> Partner:
    return {
        "partner": chance.choice((number, f"{number:010}")),
        "category": "2" if number % 3 else 1,
        "changed_at": next_year() if chance.random() < SELDOM else chance.choice(TIMES),
        "name1": chance.choice(("ООО Ромашка", "ООО Лютик")),
        "comment": chance.choice(("", "звонить после обеда")),
        "last_name": chance.choice(("Иванов", "Петров")),
        "contact_of": [f"{number + 1:010}"],
        "taxnumbers": [{"type": "INN", "number": chance.choice(TINS)}],
        "deleted": chance.random() < SELDOM,
    }


def next_partners(chance: random.Random, previous: Sequence[Partner]) -> list[Partner]:
    """A store's partners some time later: most are the same, some come twice."""
    kept = [record for record in previous if chance.random() < 0.9]
    changed = [
        record if chance.random() < OFTEN else partner(chance, int(record["partner"]))
        for record in kept
    ]
    extra = [partner(chance, chance.randrange(1, 20)) for _ in range(chance.randrange(6))]
    records = changed + extra
    chance.shuffle(records)
    return records


def rows_of(batch: CleanBatch) -> list[Row]:
    return [row for part in batch.parts for row in decode_rows(part.rows)]


def read(
    ledger: Ledger, run: Run, records: Sequence[Partner], bound: ClockBound, *, fast: bool
) -> list[Row]:
    """The rows of records, in batches as they are read."""
    originals = OriginalsOfLedger(ledger, run) if fast else None
    return [
        row
        for start in range(0, len(records), 5)
        for row in rows_of(
            clean_partners(records[start : start + 5], clock_bound=bound, originals=originals)
        )
    ]


def contents(ledger: Ledger) -> dict[str, list[tuple[Any, ...]]]:
    """The tables; a digest is what only the fast twin has, and runs have ids of their own."""
    left_out = {"digest", "run_id", "first_seen_at", "last_seen_at"}
    with ledger.read() as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(
                    sa.select(*(c for c in table.c if c.name not in left_out)).order_by(
                        *table.primary_key
                    )
                )
            ]
            for table in TABLES
        }


def events(chance: random.Random, offset: int) -> list[Row]:
    """What the topic says of a partner: as it is now, or that it is deleted."""
    number = chance.randrange(1, 20)
    key = f"{number:010}".encode()
    value = msgspec.json.encode({"op": "upsert", "partner": partner(chance, number)})
    deletion = chance.choice(
        (None, msgspec.json.encode({"op": "delete", "partner": {"partner": number}}))
    )
    message = TopicMessage(
        offset, now() // 1000, key, value if chance.random() < OFTEN else deletion
    )
    reader = event_reader(built_in_configuration(), SECOND_STORE)
    event = reader.read("partners", 0, message)
    assert not isinstance(event, DeadLetter)
    return [row for row in reader.rows(event) if isinstance(row, Row)]


@pytest.mark.parametrize("seed", range(40))
def test_the_fast_twin_is_equal(ledgers: tuple[Ledger, Ledger], seed: int) -> None:
    slow, fast = ledgers
    chance = random.Random(seed)
    records = [partner(chance, chance.randrange(1, 20)) for _ in range(25)]
    skipped = 0
    for number in range(5):
        bound = chance.choice((NO_CLOCK_BOUND, ClockBound(now(), now() - number)))
        messages = [events(chance, 10 * number + step) for step in range(chance.randrange(3))]
        attempts = chance.choice((1, 1, 2))
        touched: list[TouchedKeys] = []
        started_at = f"2026-01-{number + 1:02}T00:00:00Z"
        for ledger in (slow, fast):
            run = msgspec.structs.replace(start_run(ledger, "full"), started_at=started_at)
            for _ in range(attempts):
                rows = read(ledger, run, records, bound, fast=ledger is fast)
                skipped += sum(row.is_unchanged for row in rows)
                result = remember(ledger, run, [*chain.from_iterable(messages), *rows])
            touched.append(result)
        assert touched[0] == touched[1]
        assert contents(slow) == contents(fast)
        records = next_partners(chance, records)
    assert skipped


def load(ledger: Ledger, records: Sequence[Partner], bound: ClockBound = NO_CLOCK_BOUND) -> int:
    """A load of the records by the fast way; returns how many were not cleaned."""
    run = start_run(ledger, "full")
    rows = read(ledger, run, records, bound, fast=True)
    remember(ledger, run, rows)
    return sum(row.is_unchanged for row in rows)


COMPANY_RECORD: Partner = {
    "partner": "0000000005",
    "category": "2",
    "changed_at": TIMES[0],
    "name1": "ООО Ромашка",
    "taxnumbers": [{"type": "INN", "number": TINS[0]}],
}


@pytest.fixture
def ledger(ledgers: tuple[Ledger, Ledger]) -> Ledger:
    return ledgers[1]


def test_a_refused_row_is_counted_again(ledger: Ledger) -> None:
    records = [COMPANY_RECORD | {"taxnumbers": []}]
    load(ledger, records)
    run = start_run(ledger, "full")
    batch = clean_partners(
        records, clock_bound=NO_CLOCK_BOUND, originals=OriginalsOfLedger(ledger, run)
    )
    [part] = batch.parts
    assert (batch.read, part.outcome, part.size) == (1, INVALID_COMPANIES, 1)
    remember(ledger, run, rows_of(batch))
    with ledger.read() as connection:
        assert read_counts(connection, run)["B"]["companies"] == 1


def test_a_record_of_other_rules_is_cleaned_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(ledger, [COMPANY_RECORD])
    assert load(ledger, [COMPANY_RECORD]) == 1
    table = built_in_configuration().store[SECOND_STORE]
    others = compile_store(SECOND_STORE, msgspec.structs.replace(table, timezone="Asia/Omsk"))
    monkeypatch.setattr(clean_batch_module, "clean_partner", others.records)
    assert load(ledger, [COMPANY_RECORD]) == 0
    # The row is the same, but for its digest.
    assert load(ledger, [COMPANY_RECORD]) == 1


def test_rules_are_known_by_the_modules_that_clean(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "fields").mkdir()
    module = tmp_path / "fields" / "phone.py"
    monkeypatch.setattr(known_originals, "_PROGRAM", tmp_path)
    digests = set()
    for text in ("a = 1", "a = 2"):
        module.write_text(text)
        digests.add(known_originals._rules_of_program.__wrapped__())
    assert len(digests) == 2


def test_an_older_ledger_gets_its_digests_with_the_first_load(ledger: Ledger) -> None:
    load(ledger, [COMPANY_RECORD])
    with ledger.write() as connection:
        connection.execute(schema.rows.update().values(digest=0))
    assert [load(ledger, [COMPANY_RECORD]) for _ in range(2)] == [0, 1]


def test_a_record_that_says_the_same_in_other_words_keeps_the_ledgers_original(
    ledger: Ledger,
) -> None:
    load(ledger, [COMPANY_RECORD])
    respelt = COMPANY_RECORD | {"comment": "новый"}
    assert [load(ledger, [respelt]) for _ in range(2)] == [0, 0]
    assert load(ledger, [COMPANY_RECORD]) == 1


def test_the_clock_bound_is_asked_each_time(ledger: Ledger) -> None:
    record = COMPANY_RECORD | {
        "changed_at": datetime.fromtimestamp((now() + YEAR) / 1e6).isoformat()
    }
    bounds = [ClockBound(now(), now() - seconds * 1_000_000) for seconds in (20, 10)]
    assert [load(ledger, [record], bound) for bound in bounds] == [0, 0]
    with ledger.read() as connection:
        assert (
            connection.execute(sa.select(schema.rows.c.changed_at)).scalar() == bounds[1].substitute
        )


def test_a_time_that_is_still_to_come_is_compared_each_time(ledger: Ledger) -> None:
    record = COMPANY_RECORD | {
        "changed_at": datetime.fromtimestamp((now() + YEAR) / 1e6).isoformat()
    }
    assert [load(ledger, [record]) for _ in range(2)] == [0, 0]


def test_rows_of_columns_are_found_by_their_ids(ledger: Ledger) -> None:
    record: dict[str, Any] = {"id": 5, "inn": b"7805746764", "updated_at": "2024-03-01 10:00:00"}
    counts = []
    for orders_total in (Decimal("1.50"), Decimal("1.50"), "1.50"):
        run = start_run(ledger, "full")
        known = KnownRows(OriginalsOfLedger(ledger, run), clean_company.origin)
        rows = rows_of(
            clean_batch([record | {"orders_total": orders_total}], clean_company, known=known)
        )
        remember(ledger, run, rows)
        counts.append(sum(row.is_unchanged for row in rows))
    assert counts == [0, 1, 0]
