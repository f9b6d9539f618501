"""What must become of every source row, known without looking at the program under test."""

from collections.abc import Collection
from typing import Literal

import msgspec

GOLDEN = "golden"
Source = Literal["A", "B"]
Kind = Literal["company", "contact"]


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """The expected end of one source row.

    ``outcome`` is ``golden`` or the reason of the contract. ``tins`` are the TINs of the golden
    companies: one for a company, one or more for a contact. For contacts, ``person`` is the number
    of the person behind the row: rows with the same one are one contact; ``evidence`` says what of
    ``mobile``, ``second_mobile`` and ``email`` the row shows of that person alone.
    """

    source: Source
    kind: Kind
    source_id: str
    outcome: str
    tins: tuple[str, ...] = ()
    person: int | None = None
    evidence: tuple[str, ...] = ()


def company_outcome(deleted: bool, tin_reason: str, status: str | None) -> str:
    """The end of a company's row, from its TIN's reason (empty when good) and register status."""
    if deleted:
        return "deleted_in_store"
    if tin_reason:
        return tin_reason
    if status is None:
        return "not_in_register"
    return GOLDEN if status in ("ACTIVE", "REORGANIZING") else "not_active"


def contact_outcome(deleted: bool, named: bool, outcomes: Collection[str | None]) -> str:
    """The end of a contact's row: deletion, then the name, then its companies' outcomes decide.

    A company that its store does not know has the outcome None.
    """
    if deleted:
        return "deleted_in_store"
    if not named:
        return "no_name"
    if not outcomes:
        return "no_company"
    if GOLDEN in outcomes:
        return GOLDEN
    return "waiting_for_company" if None in outcomes else "company_refused"
