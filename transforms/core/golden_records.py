"""Golden records: what the CRM is to hold, and which source row each value came from."""

import hashlib
from typing import Generic, TypeVar

import msgspec

from transforms.core.records import Address, BankAccount, Orders

R = TypeVar("R")

Provenance = dict[str, str]
"""Field name to where its value came from: ``"A:17"``, ``"register"``; united ones name several."""

REGISTER = "register"


class Sourced(msgspec.Struct, Generic[R], frozen=True):
    """A clean record with the row that tells it. ``changed_at`` is microseconds, UTC."""

    source: str
    source_id: str
    changed_at: int
    record: R

    @property
    def ref(self) -> str:
        """How people name the row: ``A:17``."""
        return f"{self.source}:{self.source_id}"


class GoldenCompany(msgspec.Struct, frozen=True, array_like=True):
    """One company a TIN. ``kpps`` begins with the register's; ``orders`` adds up all rows'.

    ``stores`` are those that know it.
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

    @property
    def is_individual(self) -> bool:
        """Whether it is a sole proprietor (ИП): their TINs have 12 digits."""
        return len(self.tin) == 12


class GoldenContact(msgspec.Struct, frozen=True, array_like=True):
    """One person; ``tins`` are the companies that it belongs to, sorted."""

    key: str
    last_name: str = ""
    first_name: str = ""
    middle_name: str = ""
    position: str = ""
    tins: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()


_encode = msgspec.msgpack.Encoder().encode
_decode_company = msgspec.msgpack.Decoder(GoldenCompany).decode
_decode_contact = msgspec.msgpack.Decoder(GoldenContact).decode


def encode_golden(record: GoldenCompany | GoldenContact) -> bytes:
    """The record as the ledger keeps it."""
    return _encode(record)


def decode_golden_company(payload: bytes) -> GoldenCompany:
    """The company in a golden payload."""
    return _decode_company(payload)


def decode_golden_contact(payload: bytes) -> GoldenContact:
    """The contact in a golden payload."""
    return _decode_contact(payload)


def version_of(payload: bytes) -> str:
    """The fingerprint that says whether the CRM holds this very record: 16 hex digits."""
    return hashlib.blake2b(payload, digest_size=8).hexdigest()
