"""A ledger of invented companies and people in every state that people read about."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.summary import summarize
from tests.helpers.ledgers import open_ledger
from transforms.consolidation import companies, connected_components, contact_standing, persons
from transforms.core.identity import Run, now
from transforms.core.records import (
    COMPANY,
    CONTACT,
    Address,
    BankAccount,
    Company,
    Contact,
    DeadLetter,
    Note,
    Orders,
    Row,
    encode,
)
from transforms.ledger import schema
from transforms.ledger.base.answers import save_answers
from transforms.ledger.database import Ledger
from transforms.ledger.loads import load_queue, rejections, results
from transforms.ledger.rows.dead_letters import record_dead_letters
from transforms.ledger.rows.source_rows import remember
from transforms.ledger.runs import finish_run, start_run
from transforms.register.answer import Answer

GOOD, CLOSED, UNANSWERED, ABSENT = "7805746764", "7707083893", "500000000100", "7702070139"
CHANGED = 1_707_662_412_000_000  # 2024-02-11 14:40:12 UTC
EVIL = "<script>alert('Ведьмин')</script>"

# What must never stand in a report: words and values of the records below.
PERSONAL = (
    *("Ромашка", "Лютикова", "Иванов", "Пётр", "Сергеевич", "Сидоркин", "Ведьмин", "Машу"),
    *("79211234567", "921 123-45-67", "921 555-44-33", "8121234567", "79217654321"),
    *("romashka", "ivanov", "sidorkin"),
)


def company_row(source: str, source_id: str, company: Company, reason: str = "") -> Row:
    """A company row as cleaning makes it."""
    raw = json.dumps(
        {"id": source_id, "inn": company.tin, "name": company.name}, ensure_ascii=False
    ).encode()
    detail = "as cleaning says it" if reason else ""
    return Row(
        source, COMPANY, source_id, CHANGED, 0, company.tin, reason, detail, encode(company), raw
    )


def contact_row(source: str, source_id: str, contact: Contact, reason: str = "") -> Row:
    """A contact row as cleaning makes it."""
    raw = json.dumps({"id": source_id, "last_name": contact.last_name}, ensure_ascii=False).encode()
    return Row(source, CONTACT, source_id, CHANGED, 0, "", reason, "", encode(contact), raw)


def all_rows() -> list[Row]:
    """Rows for each outcome; A:17 is a company and a contact."""
    good = Company(
        GOOD,
        name="ООО «Ромашка»",
        phones=("+78121234567",),
        emails=("info@romashka.example",),
        accounts=(BankAccount("049805746", "40602810700000000025"),),
        orders=Orders(2, 1_234_550, "2024-02-01"),
        notes=(Note("phone", "unreadable", "спросить Машу"),),
    )
    twin = Company(GOOD, name="Ромашка", site="romashka.example", orders=Orders(1, 100, ""))
    ivanov = Contact(
        "Иванов",
        "Пётр",
        company_ids=("17",),
        phones=("+79211234567",),
        notes=(Note("phone", "incomplete", "765-43-21"),),
    )
    ivanov_too = Contact(
        "Иванов",
        "Пётр",
        "Сергеевич",
        "Директор",
        ("0001000123",),
        ("+79211234567",),
        ("ivanov@romashka.example",),
    )
    return [
        company_row("A", "17", good),
        company_row("B", "0001000123", twin),
        company_row("A", "18", Company("1717586110", name="Лютикова"), "bad_tin_checksum"),
        company_row("A", "19", Company("+7 921 555-44-33", name=EVIL), "bad_tin_format"),
        company_row("A", "22", Company(EVIL, name=EVIL), "bad_tin_format"),
        company_row("A", "20", Company(CLOSED, name="ООО «Лютикова»")),
        company_row("A", "21", Company(UNANSWERED, name="ИП Сидоркин")),
        company_row("B", "0001000124", Company(ABSENT, name="Сидоркин и Ко")),
        contact_row("A", "17", ivanov),
        contact_row("B", "0002000456", ivanov_too),
        contact_row("A", "3", Contact("Сидоркин"), "no_company"),
        contact_row("A", "4", Contact("Сидоркин", company_ids=("20",))),
        contact_row("A", "5", Contact("Сидоркин", "Лев", company_ids=("999",))),
        contact_row("A", "6", Contact(EVIL, company_ids=("17",), phones=("+79217654321",))),
    ]


def answers() -> list[Answer]:
    """The register's word on all but ``UNANSWERED``."""
    return [
        Answer(
            GOOD,
            "active",
            "ACTIVE",
            short_name="ООО «Ромашка»",
            address=Address("198096, г. Санкт-Петербург"),
            as_of=CHANGED,
        ),
        Answer(CLOSED, "not_active", "LIQUIDATED", origin="bulk", as_of=CHANGED),
        Answer(ABSENT, "not_in_register", as_of=CHANGED),
    ]


@contextmanager
def filled_ledger(path: Path) -> Iterator[tuple[Ledger, Run]]:
    """The ledger after two runs: one that was cut off, one that is not complete."""
    ledger = open_ledger(f"sqlite:///{path}")
    try:
        start_run(ledger, "delta")
        run = start_run(ledger, "full")
        fill(ledger, run)
        with ledger.read() as connection:
            summary = summarize(connection, run, "full", 2.0)
        finish_run(ledger, run, summary["status"], summary)
        yield ledger, run
    finally:
        ledger.close()


def fill(ledger: Ledger, run: Run) -> None:
    """Everything that a run leaves behind, but for its end."""
    rows = all_rows()
    remember(ledger, run, rows)
    contacts = [(row.source, row.source_id) for row in rows if row.kind == CONTACT]
    ledger.transact(lambda connection: save_answers(connection, run.run_seq, answers()))
    companies.consolidate(ledger, run, [GOOD, CLOSED, UNANSWERED, ABSENT])
    contact_standing.resolve(ledger, run, contacts)
    persons.consolidate(ledger, run, connected_components.dirty_components(ledger, run))
    with ledger.write() as connection:
        versions = dict(
            connection.execute(
                schema.golden.select().with_only_columns(
                    schema.golden.c.key, schema.golden.c.version
                )
            ).all()
        )
        load_queue.mark_loaded(connection, run, COMPANY, {GOOD: (15, versions[GOOD])})
        load_queue.save_sent(
            connection, COMPANY, {(GOOD, "item"): load_queue.Sent(15, {"title": "x"})}
        )
        load_queue.mark_loaded(connection, run, CONTACT, {"A-17": (25, versions["A-17"])})
        message = f"Поле «Телефон» Ведьмину не подошло: +7 921 765-43-21 {EVIL} ivanov@x.example"
        refusal = rejections.RejectedRecord(
            "A-6", versions["A-6"], "ERROR_CORE", message, json.dumps([EVIL])
        )
        rejections.reject(connection, run, CONTACT, [refusal])
        results.defer_unloaded(connection, run)
        cut = DeadLetter("file:partners<1>.json", -1, 18_273_645, "file_cut", b"{")
        record_dead_letters(connection, run, [cut])
        minute = now() // 60_000_000
        connection.execute(
            schema.crm_usage.insert(),
            [
                {
                    "run_id": run.run_id,
                    "minute": minute + number,
                    "requests": requests,
                    "refused": refused,
                    "waited_ms": 1500,
                }
                for number, (requests, refused) in enumerate([(110, 0), (118, 2), (12, 0)])
            ],
        )
