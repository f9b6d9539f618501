"""Golden records: what the CRM should hold, and from which source row each value comes."""

import hashlib
from typing import Generic, TypeVar

import msgspec

from transforms.core.identity import RowKey
from transforms.core.records import Address, BankAccount, Extra, Orders, without_extra

R = TypeVar("R")

Provenance = dict[str, str]
"""Where each field's value comes from: ``"A:17"``, ``"register"``, or several sources."""

REGISTER = "register"


class Sourced(msgspec.Struct, Generic[R], frozen=True):
    """A clean record and its source row. ``changed_at`` is in microseconds, UTC."""

    source: str
    source_id: str
    changed_at: int
    record: R

    @property
    def ref(self) -> str:
        """The row's reference: ``A:17``."""
        return f"{self.source}:{self.source_id}"

    @property
    def row_key(self) -> RowKey:
        """The row's key in the ledger."""
        return self.source, self.source_id


class GoldenCompany(msgspec.Struct, frozen=True, array_like=True):
    """The company of a TIN.

    ``kpps`` begins with the register's; ``orders`` adds up all rows' orders; ``stores`` are the
    keys of the stores that know the company.
    """

    tin: str
    title: str
    full_name: str = ""
    kpps: tuple[str, ...] = ()
    ogrn: str = ""
    director: str = ""
    address: Address = Address()
    accounts: tuple[BankAccount, ...] = ()
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    site: str = ""
    orders: Orders | None = None
    stores: tuple[str, ...] = ()
    extra: Extra = ()

    @property
    def is_individual(self) -> bool:
        """Whether it is a sole proprietor (ИП), whose TIN has 12 digits."""
        return len(self.tin) == 12


class GoldenContact(msgspec.Struct, frozen=True, array_like=True):
    """A person; ``tins`` are the companies to which the person belongs, sorted."""

    key: str
    last_name: str = ""
    first_name: str = ""
    middle_name: str = ""
    position: str = ""
    tins: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    extra: Extra = ()


class RegisterFacts(msgspec.Struct, frozen=True):
    """What the register says of a company, as cards show it; days are ISO 8601, "" is unknown.

    ``status`` is the register's own word; ``status_on`` is the day from which the status holds, or
    else the day of the answer; ``since`` and ``until`` bound the registration.
    """

    status: str = ""
    status_on: str = ""
    okved: str = ""
    address: str = ""
    director: str = ""
    since: str = ""
    until: str = ""


_encode = msgspec.msgpack.Encoder().encode
_decode_company = msgspec.msgpack.Decoder(GoldenCompany).decode
_decode_contact = msgspec.msgpack.Decoder(GoldenContact).decode


def encode_golden(record: GoldenCompany | GoldenContact) -> bytes:
    """Returns the record as the ledger keeps it."""
    data = _encode(record)
    return data if record.extra else without_extra(data)


def decode_golden_company(payload: bytes) -> GoldenCompany:
    """Returns the company in a golden payload."""
    return _decode_company(payload)


def decode_golden_contact(payload: bytes) -> GoldenContact:
    """Returns the contact in a golden payload."""
    return _decode_contact(payload)


def version_of(payload: bytes) -> str:
    """Returns the fingerprint that tells whether the CRM holds this record: 16 hex digits."""
    return hashlib.blake2b(payload, digest_size=8).hexdigest()
