"""Changes in both stores while ``svod delta --follow`` runs, and how soon the CRM shows each.

Each change is a telephone that nobody else has, so it can be told from everything else in the CRM.
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
    """Something new in a store: what to tell of it, where the CRM shows it, and the telephone."""

    told: str
    kind: str
    phone: str


def make_changes(store_a: dict[str, str | int], brokers: str, portal: PortalView) -> list[Change]:
    """Change both stores: two companies that the CRM holds, and a new contact of each.

    ``store_a`` are the arguments of a connection that may write there.
    """
    tins = [one["originId"] for one in portal.records("companies", "originId")]
    number = int(time.time()) % 1_000_000
    phones = [f"+7921{number:06}{digit}" for digit in range(4)]
    now = datetime.now(_MOSCOW).replace(microsecond=0)
    with closing(pymysql.connect(**store_a, database=DATABASE, charset="latin1")) as connection:
        company, tin = _known_company(connection, tins)
        _change_store_a(connection, company, phones[:2], str(now.replace(tzinfo=None)))
    other = next(one for one in tins if one != tin)
    firm, person = f"0008{number:06}", f"0009{number:06}"
    moment = {"changed_at": now.isoformat(), "created_at": now.isoformat()}
    named = {"last_name": "Новосельцев", "first_name": "Анатолий", "contact_of": [firm]}
    numbers = [{"type": "INN", "number": other}]
    produce(
        brokers,
        [
            # A person before its organisation: it waits.
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
        Change(f"topic: the company {other} in store B too", "companies", phones[2]),
        Change("topic: its contact, sent before it", "contacts", phones[3]),
    ]


def _known_company(connection: Connection, tins: list[str]) -> tuple[int, str]:
    """A row of store A whose TIN is written as in the CRM."""
    query = "SELECT id, inn FROM companies WHERE inn IN %s AND is_deleted = 0 ORDER BY id LIMIT 1"
    with connection.cursor() as cursor:
        cursor.execute(query, (tins,))
        found = cursor.fetchone()
    assert found is not None
    return int(found[0]), str(found[1])


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


def watch(portal: PortalView, changes: list[Change], goes_on: Callable[[], bool]) -> Iterator[str]:
    """A line as soon as the CRM shows a change; one for each that it does not show in time."""
    began = time.monotonic()
    missing = list(changes)
    while missing and goes_on() and time.monotonic() - began < _PATIENCE:
        shown = {kind: _phones(portal, kind) for kind in {change.kind for change in missing}}
        for change in [one for one in missing if one.phone in shown[one.kind]]:
            missing.remove(change)
            yield f"  {change.told}: in the CRM after {time.monotonic() - began:.1f} s"
        time.sleep(0.2)
    for change in missing:
        yield f"  {change.told}: NOT in the CRM after {time.monotonic() - began:.0f} s"


def _phones(portal: PortalView, kind: str) -> set[str]:
    records = portal.records(kind, "fm")
    return {one["value"] for record in records for one in record["fm"] or ()}
