"""The records that cross the pipeline, each named after the stage that it has reached.

They are ``msgspec`` structs: frozen, compared by value, and encoded as MessagePack arrays, which is
what crosses a GroupByKey and what the ledger keeps. Text is clean (see ``transforms.fields``);
"nothing known" is the empty string or the empty tuple, never ``None``.
"""

import hashlib
import threading
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import zstandard

Kind = Literal["company", "contact"]

COMPANY: Kind = "company"
CONTACT: Kind = "contact"
EITHER_KIND = ""
"""Of a row that says that something is gone, but not whether a company or a contact."""


class Note(msgspec.Struct, frozen=True, array_like=True):
    """What cleaning left out or repaired: ``Note("phone", "unreadable", "спросить Машу")``."""

    field: str
    problem: str
    value: str


class Address(msgspec.Struct, frozen=True, array_like=True):
    """A postal address; ``text`` is the whole of it in one line."""

    text: str = ""
    postal_code: str = ""
    region: str = ""
    city: str = ""


class BankAccount(msgspec.Struct, frozen=True, array_like=True):
    """A settlement account whose control key agrees with its BIK."""

    bik: str
    account: str
    bank: str = ""
    corr_account: str = ""


class Orders(msgspec.Struct, frozen=True, array_like=True):
    """A company's orders in one store: how many, their sum in kopecks, the last one's date."""

    count: int
    total: int
    last_on: str = ""


class Company(msgspec.Struct, frozen=True, array_like=True):
    """A clean company as one row of one store tells it. ``tin`` is valid when the row is."""

    tin: str
    kpps: tuple[str, ...] = ()
    ogrn: str = ""
    name: str = ""
    full_name: str = ""
    address: Address = Address()
    accounts: tuple[BankAccount, ...] = ()
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    site: str = ""
    orders: Orders | None = None
    notes: tuple[Note, ...] = ()


class Contact(msgspec.Struct, frozen=True, array_like=True):
    """A clean contact as one row of one store tells it; ``company_ids`` are ids of that store."""

    last_name: str = ""
    first_name: str = ""
    middle_name: str = ""
    position: str = ""
    company_ids: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One version of one source row after cleaning, valid or refused.

    ``source`` is the key of its store. ``changed_at`` is microseconds since the epoch, UTC.
    ``order`` breaks ties between versions with equal ``changed_at`` (the ``place`` in a topic; 0
    elsewhere). ``tin`` is the company's valid TIN, or for a refused company what was read in its
    place. ``reason`` is empty for a valid row.
    ``payload`` is the encoded ``Company`` or ``Contact``; ``raw`` the original record as JSON.

    A deletion without a time of its own has no ``payload``, and for ``changed_at`` the moment at
    which it was sent: what it deletes, and so how old it is, the ledger knows. Its ``kind`` is
    ``EITHER_KIND`` when it does not say what it deletes.
    """

    source: str
    kind: str
    source_id: str
    changed_at: int
    order: int
    tin: str
    reason: str
    detail: str
    payload: bytes
    raw: bytes

    @property
    def fingerprint(self) -> str:
        """16 hex digits that differ when what the row says differs."""
        told = b"\0".join((self.payload, self.reason.encode(), self.detail.encode()))
        return hashlib.blake2b(told, digest_size=8).hexdigest()


_PARTITIONS = 1 << 16
NO_PARTITION = _PARTITIONS - 1
"""Stands for the partition where offsets are not to be compared."""


def place(partition: int, offset: int) -> int:
    """The ``order`` of a message's row: greater for a later offset.

    >>> place(0, 8) > place(2, 7) > 0, partition_of(place(2, 7))
    (True, 2)
    """
    return (offset + 1) * _PARTITIONS + min(partition, NO_PARTITION)


def partition_of(order: int) -> int:
    """The partition that a row's ``place`` is in; ``NO_PARTITION`` for what is in no topic."""
    return order % _PARTITIONS if order else NO_PARTITION


class Broken(msgspec.Struct, frozen=True, array_like=True):
    """Input that is no record at all: a poison message, a broken partner, a file cut short.

    ``origin`` is the topic or ``file:NAME``; ``partition`` is -1 for a file; ``offset`` counts
    messages in a partition, or bytes from the start of the (unpacked) file.
    """

    origin: str
    partition: int
    offset: int
    reason: str
    raw: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode_company = msgspec.msgpack.Decoder(Company).decode
_decode_contact = msgspec.msgpack.Decoder(Contact).decode
_decode_rows = msgspec.msgpack.Decoder(list[Row]).decode


def encode(record: Company | Contact) -> bytes:
    """The record as the bytes that ``Row.payload`` holds."""
    return _encode(record)


def decode_company(payload: bytes) -> Company:
    """The company in a row's payload."""
    return _decode_company(payload)


def decode_contact(payload: bytes) -> Contact:
    """The contact in a row's payload."""
    return _decode_contact(payload)


def encode_rows(rows: Sequence[Row]) -> bytes:
    """Many rows as one element's bytes, packed: most of them wait in a runner's memory."""
    return _packers.compressor.compress(_encode(rows))


def decode_rows(data: bytes) -> list[Row]:
    """The rows of ``encode_rows``."""
    return _decode_rows(_packers.decompressor.decompress(data))


class Rows(list[Row]):
    """Rows that go to another process as MessagePack."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (_encode(list(self)),)


def _unpickled(data: bytes) -> list[Row]:
    return _decode_rows(data)


class _Packers(threading.local):
    """One of each a thread: they must not be used by two at once."""

    def __init__(self) -> None:
        # A sixth longer than by level 1, in two thirds of its time, unpacked in half of it.
        self.compressor = zstandard.ZstdCompressor(level=-1)
        self.decompressor = zstandard.ZstdDecompressor()


_packers = _Packers()
