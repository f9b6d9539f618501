"""The configuration file as typed values. Source: contracts/configuration.

A name of the file that is a word of Python has an underscore behind it here: ``from_``, ``is_``.
"""

from typing import Literal

import msgspec

Scalar = str | int | float | bool
"""A value in a condition: compared as text, without regard to blanks around it and to case."""

Path = str
"""Where a value stands: a column's name (SQL, csv, xlsx), else a JMESPath expression."""

SourceKind = Literal["mysql", "postgresql", "csv", "xlsx", "json", "jsonl"]
ChangesKind = Literal["cursor", "kafka", "files"]

SQL_KINDS: tuple[SourceKind, ...] = ("mysql", "postgresql")


class _Table(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from", "is_": "is"}):
    """A table of the file. Its keys are checked by ``transforms.configuration.reading``."""


class Constant(_Table, frozen=True, kw_only=True):
    """The same text for every record: ``{ constant = "RUB" }``."""

    constant: Scalar


Value = Path | Constant
Values = Path | Constant | list[Path | Constant]
"""One place or several; several are joined by blanks, or all taken, as the field is."""


class Condition(_Table, frozen=True, kw_only=True):
    """Whether a field has one of these values, none of them, or any value at all."""

    field: Path
    is_: list[Scalar] | None = None
    is_not: list[Scalar] | None = None
    filled: bool | None = None


class AddressMapping(_Table, frozen=True, kw_only=True):
    """An address; with ``each`` the paths are those of an element of that list."""

    text: Value | None = None
    postal_code: Value | None = None
    region: Value | None = None
    city: Value | None = None
    street: Value | None = None
    house: Value | None = None
    each: Path | None = None
    prefer: Condition | None = None


class BankMapping(_Table, frozen=True, kw_only=True):
    """A bank account; with ``each`` the paths are those of an element of that list."""

    bik: Value | None = None
    account: Value | None = None
    bank: Value | None = None
    corr_account: Value | None = None
    each: Path | None = None


class OrderSums(_Table, frozen=True, kw_only=True):
    """A company's orders as the store sums them."""

    count: Value | None = None
    total: Value | None = None
    last_at: Value | None = None
    currency: Value | None = None


class RecordTable(_Table, frozen=True, kw_only=True):
    """What companies, contacts and orders have in common: their place, id and times."""

    from_: str | None = None
    files: list[str] | None = None
    kind: SourceKind | None = None
    encoding: str | None = None
    header: int | None = None
    delimiter: str | None = None
    only: Condition | None = None
    id: Value
    changed_at: Value | None = None
    created_at: Value | None = None
    deleted: Path | Condition | None = None


class CompanyTable(RecordTable, frozen=True, kw_only=True):
    """What is a company in a store."""

    tin: Values
    kpp: Values | None = None
    ogrn: Values | None = None
    name: Values | None = None
    full_name: Values | None = None
    legal_form: Value | None = None
    phones: Values | None = None
    emails: Values | None = None
    site: Value | None = None
    address: AddressMapping | None = None
    bank: BankMapping | list[BankMapping] | None = None
    orders: OrderSums | None = None
    extra: dict[str, Values] = {}


class ContactTable(RecordTable, frozen=True, kw_only=True):
    """What is a contact in a store: ``last_name`` to ``middle_name``, or a whole ``name``."""

    company: Values
    company_store: str | None = None
    name: Values | None = None
    last_name: Values | None = None
    first_name: Values | None = None
    middle_name: Values | None = None
    position: Values | None = None
    phones: Values | None = None
    emails: Values | None = None
    extra: dict[str, Values] = {}


class OrderTable(RecordTable, frozen=True, kw_only=True):
    """What is an order in a store."""

    company: Value
    contact: Value | None = None
    number: Value | None = None
    total: Value | None = None
    currency: Value | None = None
    status: Value | None = None
    cancelled: list[Scalar] = []


class FullSource(_Table, frozen=True, kw_only=True):
    """Where a full load reads a store: a database, or files."""

    kind: SourceKind
    url_env: str | None = None
    connections: int = 2
    files: list[str] = []
    encoding: str | None = None
    header: int | None = None
    delimiter: str | None = None
    complete: bool | None = None


class ChangesSource(_Table, frozen=True, kw_only=True):
    """Where a delta reads a store: by a cursor, from a topic, or in new files."""

    kind: ChangesKind
    url_env: str | None = None
    trailing_minutes: float = 15.0
    brokers: str | None = None
    brokers_env: str | None = None
    topic: str | None = None
    group: str | None = None
    config_file: str | None = None
    record: Path | None = None
    deleted: Condition | None = None
    operation: Condition | None = None
    sent_at: Path | None = None
    files: list[str] | None = None


class StoreTable(_Table, frozen=True, kw_only=True):
    """A store: where it is read, and what its records are called."""

    title: str | None = None
    timezone: str = "Europe/Moscow"
    renamed_from: str | None = None
    priority: int = 1
    id_form: str | None = None
    withdrawn: bool = False
    full: FullSource | None = None
    changes: ChangesSource | None = None
    company: CompanyTable | None = None
    contact: ContactTable | None = None
    order: OrderTable | None = None


class CrmOrders(_Table, frozen=True, kw_only=True):
    """The smart process of the portal that shows single orders."""

    title: str
    months: int = 12
    link: str | None = None


class ResponsibleRule(_Table, frozen=True, kw_only=True):
    """Who gets a new company: all conditions that are given hold together."""

    user: int
    region: list[str] | None = None
    store: str | list[str] | None = None
    orders_total_from: float | None = None


class CrmTable(_Table, frozen=True, kw_only=True):
    """What goes into the portal beside the fields that every portal has."""

    orders: CrmOrders | None = None
    company: dict[str, str] = {}
    contact: dict[str, str] = {}
    responsible: list[ResponsibleRule] = []


class Configuration(_Table, frozen=True, kw_only=True):
    """The whole file. ``options`` are the program's, by their names on the command line."""

    options: dict[str, Scalar | list[Scalar]] = {}
    store: dict[str, StoreTable] = {}
    crm: CrmTable = CrmTable()
