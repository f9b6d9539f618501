"""The records that cross the pipeline, each named after the stage it has reached.

They are ``msgspec`` structs: frozen, compared by value, and encoded as MessagePack arrays, both in
a GroupByKey and in the ledger. Text is clean (see ``transforms.fields``); an unknown value is the
empty string or the empty tuple, never ``None``.
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
UNKNOWN_KIND = ""
"""The kind of a deletion that does not say whether it deletes a company or a contact."""


class Note(msgspec.Struct, frozen=True, array_like=True):
    """A value left out or repaired: ``Note("phone", "unreadable", "спросить Машу")``."""

    field: str
    problem: str
    value: str


class Address(msgspec.Struct, frozen=True, array_like=True):
    """A postal address; ``text`` is the whole address in one line."""

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
    """A company's orders in one store: their number, sum in kopecks, and the last order's date."""

    count: int
    total: int
    last_on: str = ""


Extra = tuple[tuple[str, str], ...]
"""Texts for the CRM's own fields, by the name that the configuration gives them, sorted."""


class Company(msgspec.Struct, frozen=True, array_like=True):
    """A cleaned company as one row of one store has it. ``tin`` is valid when the row is."""

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
    extra: Extra = ()


class Contact(msgspec.Struct, frozen=True, array_like=True):
    """A cleaned contact as one row of one store has it; ``company_ids`` are ids in that store."""

    last_name: str = ""
    first_name: str = ""
    middle_name: str = ""
    position: str = ""
    company_ids: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    extra: Extra = ()


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One version of one source row after cleaning, valid or refused.

    ``source`` is the key of its store. ``changed_at`` is microseconds since the epoch, UTC.
    ``order`` breaks ties between versions with equal ``changed_at`` (``message_order`` in a topic,
    else 0). ``tin`` is the company's valid TIN, or the text in its place when the company is
    refused. ``reason`` is empty for a valid row.
    ``payload`` is the encoded ``Company`` or ``Contact``; ``raw`` the original record as JSON.

    An ``undated`` row does not say when it changed, though its store does for others: it is as new
    as its reception, which ``changed_at`` says (0: the run's start).

    A deletion without a time has no ``payload``, and its ``changed_at`` is the moment at which it
    was sent: the ledger knows the row that it deletes, and from that its age. Its ``kind`` is
    ``UNKNOWN_KIND`` when it does not say whether it deletes a company or a contact.

    ``digest`` is that of the original record and of the rules by which it became this row; 0 when
    the row depends on more than these, or nobody asked. A row that has a digest but no ``payload``
    is the one that the ledger holds with this digest: it was not cleaned again.
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
    undated: bool = False
    digest: int = 0

    @property
    def is_unchanged(self) -> bool:
        """Whether it stands for the ledger's row."""
        return self.digest != 0 and not self.payload

    @property
    def fingerprint(self) -> str:
        """16 hex digits that differ when payload, reason or detail differ."""
        content = b"\0".join((self.payload, self.reason.encode(), self.detail.encode()))
        return hashlib.blake2b(content, digest_size=8).hexdigest()


_PARTITIONS = 1 << 16
NO_PARTITION = _PARTITIONS - 1
"""Stands for a partition whose offsets must not be compared."""


def message_order(partition: int, offset: int) -> int:
    """Returns the ``order`` of a message's row: greater for a later offset.

    >>> message_order(0, 8) > message_order(2, 7) > 0, partition_of(message_order(2, 7))
    (True, 2)
    """
    return (offset + 1) * _PARTITIONS + min(partition, NO_PARTITION)


def partition_of(order: int) -> int:
    """Returns the partition of a row's ``order``; ``NO_PARTITION`` for a row of no topic."""
    return order % _PARTITIONS if order else NO_PARTITION


class DeadLetter(msgspec.Struct, frozen=True, array_like=True):
    """Input that is not a record: a poison message, a broken partner, a file cut short.

    ``origin`` is the topic or ``file:NAME``; ``partition`` is -1 for a file; ``offset`` counts
    messages in a partition, or bytes from the start of the (decompressed) file.
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


# The first byte of a MessagePack array of so many elements, less than 16.
_ARRAY_HEADS = [bytes((0x90 + size,)) for size in range(16)]


def encode(record: Company | Contact) -> bytes:
    """Encodes a record as the bytes of ``Row.payload``."""
    data = _encode(record)
    return data if record.extra else without_extra(data)


def encode_fields(fields: tuple[object, ...], extra: Extra) -> bytes:
    """Encodes a record by its fields, without making it; ``extra`` is the last one.

    >>> contact = Contact("Иванов", extra=(("segment", "B"),))
    >>> *fields, extra = msgspec.structs.astuple(contact)
    >>> encode_fields(tuple(fields), extra) == encode(contact)
    True
    """
    return _encode((*fields, extra) if extra else fields)


def without_extra(data: bytes) -> bytes:
    """Returns the bytes of a record without its last field, which is an empty ``extra``.

    So a record without one has the bytes, and the fingerprint, that it had before there were any.

    >>> contacts = Contact("Иванов"), Contact("Иванов", extra=(("segment", "B"),))
    >>> [len(msgspec.msgpack.decode(encode(contact))) for contact in contacts]
    [8, 9]
    """
    return _ARRAY_HEADS[data[0] - 0x91] + data[1:-1]


def decode_company(payload: bytes) -> Company:
    """Decodes the company in a row's payload."""
    return _decode_company(payload)


def decode_contact(payload: bytes) -> Contact:
    """Decodes the contact in a row's payload."""
    return _decode_contact(payload)


def encode_rows(rows: Sequence[Row]) -> bytes:
    """Encodes and compresses rows as one element: most elements wait in a runner's memory."""
    return _codecs.compressor.compress(_encode(rows))


def decode_rows(data: bytes) -> list[Row]:
    """Decodes the rows that ``encode_rows`` returned."""
    return _decode_rows(_codecs.decompressor.decompress(data))


class RowBatch(list[Row]):
    """Rows that are pickled as MessagePack when they go to another process."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle_rows, (_encode(list(self)),)


def _unpickle_rows(data: bytes) -> list[Row]:
    return _decode_rows(data)


class _Codecs(threading.local):
    """A compressor and a decompressor for each thread: two threads must not share one."""

    def __init__(self) -> None:
        # Against level 1: a sixth more bytes, two thirds of the time, half of it to decompress.
        self.compressor = zstandard.ZstdCompressor(level=-1)
        self.decompressor = zstandard.ZstdDecompressor()


_codecs = _Codecs()
