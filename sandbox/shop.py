"""The third store's database: a shop on PostgreSQL with tables, columns and keys of its own."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Final

import psycopg

from sandbox.world.third_store import CompanyRow, ContactRow, OrderRow, ThirdStore

Cell = str | bool | datetime | int | None

_TABLES: Final = """
CREATE SCHEMA crm;
CREATE TABLE crm.clients (
    client_code varchar(20) PRIMARY KEY, kind text, state text, vat_no text, kpp text, ogrn text,
    title text, postcode text, region text, city text, street text, house text,
    bank text, bik text, account_no text, corr_no text, phone_main text, phone_more text,
    mail text, created_on timestamptz, modified_on timestamptz);
CREATE TABLE crm.people (
    person_uid uuid PRIMARY KEY, client_code varchar(20), surname text, given_name text,
    patronymic text, role text, phones text, mail text, removed boolean,
    created_on timestamptz, modified_on timestamptz);
CREATE TABLE crm.sales (
    sale_id bigint PRIMARY KEY, doc_no text, client_code varchar(20), buyer uuid, state text,
    amount numeric(14, 2), currency text, created_on timestamptz, modified_on timestamptz);
CREATE INDEX ON crm.clients (modified_on, client_code);
CREATE INDEX ON crm.people (modified_on, person_uid);
CREATE INDEX ON crm.sales (modified_on, sale_id);
CREATE INDEX ON crm.sales (client_code);
"""
# One client in ten is a private person, who is no company for Svod.
_PRIVATE: Final = 10


def fill_shop(url: str, store: ThirdStore) -> None:
    """Makes the tables in an empty database and fills them."""
    with closing(psycopg.connect(url)) as connection, connection:
        connection.execute(_TABLES)
        _copy(connection, "clients", map(_client, store.company_rows()))
        _copy(connection, "clients", _private_clients(store.sizes()[0] // _PRIVATE))
        _copy(connection, "people", map(_person, store.contact_rows()))
        _copy(connection, "sales", map(_sale, store.order_rows()))


def _copy(
    connection: psycopg.Connection[tuple[Cell, ...]], table: str, rows: Iterable[tuple[Cell, ...]]
) -> None:
    query = f"COPY crm.{table} FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(query.encode()) as copy:
        for row in rows:
            # PostgreSQL keeps no NUL.
            copy.write_row(
                [cell.replace("\0", "") if isinstance(cell, str) else cell for cell in row]
            )


def _client(row: CompanyRow) -> tuple[Cell, ...]:
    company, region = row.company, row.company.region
    bik, account, corr_account = row.bank_numbers
    return (
        *(row.id, "org", "closed" if row.is_deleted else "active", row.tin, row.kpp, row.ogrn),
        *(row.name, region.postal_code, region.name, region.city, company.street),
        *(str(company.house), row.bank, bik, account, corr_account),
        *("".join(row.phones[:1]), "".join(row.phones[1:]), row.email),
        *_times(row),
    )


def _private_clients(count: int) -> Iterator[tuple[Cell, ...]]:
    moment = datetime(2024, 11, 1, tzinfo=UTC)
    for number in range(1, count + 1):
        row: list[Cell] = [f"PR-{number:06d}", "private", "active", *[None] * 16, moment, moment]
        row[6] = f"Покупатель {number}"
        yield tuple(row)


def _person(row: ContactRow) -> tuple[Cell, ...]:
    contacts = ", ".join(row.phones), ", ".join(row.emails)
    return row.id, row.company, *row.names, row.position, *contacts, row.is_deleted, *_times(row)


def _sale(row: OrderRow) -> tuple[Cell, ...]:
    document = f"S-{row.number:07d}", row.company, row.contact
    return row.number, *document, row.state, row.total, "RUB", *_times(row)


def _times(row: CompanyRow | ContactRow | OrderRow) -> tuple[datetime, datetime]:
    return datetime.fromtimestamp(row.created, UTC), datetime.fromtimestamp(row.changed, UTC)
