"""Input that is longer than a column, or holds what a database refuses, on each ledger."""

import msgspec
import sqlalchemy as sa

from tests.helpers.ledger_runs import ACTIVE, company_row, contact_row, run_once
from transforms.core.records import DeadLetter
from transforms.ledger import schema
from transforms.ledger.loads.rejections import RejectedRecord, reject, withdraw_rejections
from transforms.ledger.rows.dead_letters import record_dead_letters
from transforms.ledger.rows.source_rows import remember
from transforms.ledger.runs import remark, remarks, start_run
from transforms.stores.two_stores import clean_partner

SENTENCE = "спросить у Марии Ивановны по телефону, она знает их ИНН, а также КПП и адрес фирмы."
TINS = ["7805746764", "7707083893", "7702070139", "500100732259", "7728168971", "7736050003"]


def select(ledger, *columns):
    with ledger.read() as connection:
        return sorted(map(tuple, connection.execute(sa.select(*columns)).all()))


def test_a_long_text_in_place_of_a_tin_is_cut_in_the_key_and_whole_in_the_record(ledger):
    values = {
        "1": SENTENCE,
        "2": "Ж" * 65,
        "3": "7" * 70,
        "4": "\0" * 80 + "x" * 50,
        "5": ", ".join(TINS),
        "6": TINS,
    }
    rows = [
        clean_partner(
            {
                "partner": number,
                "category": "2",
                "taxnumbers": [
                    {"type": "INN", "number": text}
                    for text in (value if isinstance(value, list) else [value])
                ],
            }
        )
        for number, value in values.items()
    ]
    assert max(len(row.tin) for row in rows) > schema.ID_WIDTH
    for _ in range(2):
        run_once(ledger, rows)
        table, refusals = schema.rows.c, schema.invalid_companies.c
        expected = sorted((row.source_id, row.tin[:64], row.reason) for row in rows)
        assert [reason for *_, reason in expected] == ["bad_tin_format"] * len(rows)
        assert select(ledger, table.source_id, table.tin, table.reason) == expected
        assert select(ledger, refusals.source_id, refusals.tin, refusals.reason) == expected
        for (_, record), row in zip(
            select(ledger, refusals.source_id, refusals.record), rows, strict=True
        ):
            assert record == row.raw.decode()
            assert msgspec.json.decode(record)["taxnumbers"]
    assert SENTENCE in rows[0].raw.decode()


def test_ids_and_store_keys_may_be_as_long_as_they_are_declared(ledger):
    source, company, contact = "S" * 16, "c" * 64, "p" * 64
    run = start_run(ledger, "full")
    rows = [
        company_row(f"{source}:{company}", ACTIVE),
        contact_row(f"{source}:{contact}", [company], name="Иванов Пётр"),
    ]
    touched = remember(ledger, run, rows)
    assert touched.tins == {ACTIVE}
    assert touched.contacts == {(source, contact)}
    links = schema.links.c
    columns = links.source, links.company_id, links.contact_id
    assert select(ledger, *columns) == [(source, company, contact)]


def test_dead_letters_and_remarks_of_any_length(ledger):
    run = start_run(ledger, "delta")
    letter = DeadLetter("file:" + "ж" * 300, -1, 2**62, "broken_partner", b"\0\xff" * 40_000)
    ledger.transact(lambda connection: record_dead_letters(connection, run, [letter] * 2))
    table = schema.invalid_messages.c
    assert select(ledger, table.topic, table.offset, table.raw) == [
        (letter.origin[:255], letter.offset, letter.raw)
    ]
    for _ in range(2):
        remark(ledger, run, "ж" * 500)
    with ledger.read() as connection:
        assert remarks(connection, run.run_id) == ["ж" * 400]


def test_what_a_portal_answers_is_kept_whatever_it_is(ledger):
    run = start_run(ledger, "full")
    answer = "нет\0 \ud800поля " * 10_000
    record = RejectedRecord("K" * 81, "v", "E\0" * 100, answer, "{}")
    ledger.transact(lambda connection: reject(connection, run, "contact", [record]))
    table = schema.rejected.c
    assert select(ledger, table.key, table.reason, table.detail) == [
        ("K" * 81, "E" * 64, "нет поля " * 10_000)
    ]
    ledger.transact(
        lambda connection: withdraw_rejections(connection, run, record.reason, record.detail)
    )
    assert select(ledger, table.key) == []
