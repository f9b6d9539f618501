"""Changes both stores while ``svod delta --follow`` runs, and measures when the CRM shows them.

Each change is a telephone number that no other record has, so it is easy to find in the CRM.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pymysql
from pymysql.connections import Connection

from sandbox.local.portal_view import PortalView
from sandbox.store_a import DATABASE
from sandbox.store_b_topic import TOPIC, produce, upsert

_PATIENCE = 120.0
_MOSCOW = ZoneInfo("Europe/Moscow")


class Change(NamedTuple):
    """A change in a store: its description, the kind of record that shows it, its telephone."""

    description: str
    kind: str
    phone: str


def make_changes(store_a: dict[str, str | int], brokers: str, portal: PortalView) -> list[Change]:
    """Changes two companies that the CRM holds, one in each store, and adds a contact to each.

    ``store_a`` are the arguments of a connection with the right to write.
    """
    tins = [company["originId"] for company in portal.records("companies", "originId")]
    number = int(time.time()) % 1_000_000
    phones = [f"+7921{number:06}{digit}" for digit in range(4)]
    now = datetime.now(_MOSCOW).replace(microsecond=0)
    with closing(pymysql.connect(**store_a, database=DATABASE, charset="latin1")) as connection:
        company, tin = _known_company(connection, tins)
        _change_store_a(connection, company, phones[:2], str(now.replace(tzinfo=None)))
    other_tin = next(candidate for candidate in tins if candidate != tin)
    firm, person = f"0008{number:06}", f"0009{number:06}"
    moment = {"changed_at": now.isoformat(), "created_at": now.isoformat()}
    named = {"last_name": "Новосельцев", "first_name": "Анатолий", "contact_of": [firm]}
    numbers = [{"type": "INN", "number": other_tin}]
    produce(
        brokers,
        [
            # The person comes before its organisation: it waits.
            upsert({"partner": person, "category": "1", **named, "phones": phones[3:], **moment}),
            upsert(
                {"partner": firm, "category": "2", "taxnumbers": numbers, "phones": [phones[2]]}
                | moment
            ),
        ],
        TOPIC,
    )
    return [
        Change(f"store A: another telephone of the company {tin}", "companies", phones[0]),
        Change("store A: a new contact of that company", "contacts", phones[1]),
        Change(f"topic: the company {other_tin} in store B too", "companies", phones[2]),
        Change("topic: its contact, sent before it", "contacts", phones[3]),
    ]


def _known_company(connection: Connection, tins: list[str]) -> tuple[int, str]:
    """Returns the id and TIN of a row of store A whose TIN equals a company's in the CRM."""
    query = "SELECT id, inn FROM companies WHERE inn IN %s AND is_deleted = 0 ORDER BY id LIMIT 1"
    with connection.cursor() as cursor:
        cursor.execute(query, (tins,))
        row = cursor.fetchone()
    assert row is not None
    return int(row[0]), str(row[1])


def _change_store_a(connection: Connection, company: int, phones: list[str], now: str) -> None:
    with connection.cursor() as cursor:
        query = "UPDATE companies SET phone = %s, updated_at = %s WHERE id = %s"
        cursor.execute(query, (phones[0], now, company))
        cursor.execute(
            "INSERT INTO contacts (company_id, last_name, first_name, phone, created_at,"
            " updated_at) VALUES (%s, %s, %s, %s, %s, %s)",
            (company, "Калугина".encode("cp1251"), "Людмила".encode("cp1251"), phones[1], now, now),
        )
    connection.commit()


def watch(
    portal: PortalView, changes: list[Change], is_running: Callable[[], bool]
) -> Iterator[str]:
    """Yields a line when the CRM shows a change, and for each change that it does not show."""
    began = time.monotonic()
    missing = list(changes)
    while missing and is_running() and time.monotonic() - began < _PATIENCE:
        shown = {kind: _phones(portal, kind) for kind in {change.kind for change in missing}}
        for change in [change for change in missing if change.phone in shown[change.kind]]:
            missing.remove(change)
            yield f"  {change.description}: in the CRM after {time.monotonic() - began:.1f} s"
        time.sleep(0.2)
    for change in missing:
        yield f"  {change.description}: NOT in the CRM after {time.monotonic() - began:.0f} s"


def _phones(portal: PortalView, kind: str) -> set[str]:
    records = portal.records(kind, "fm")
    return {value["value"] for record in records for value in record["fm"] or ()}
