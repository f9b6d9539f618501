"""The expected outcome of every source row, stated independently of the program under test."""

from collections.abc import Collection
from typing import Literal

import msgspec

GOLDEN = "golden"
Kind = Literal["company", "contact"]


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """The expected outcome of one source row.

    ``outcome`` is ``golden`` or the contract's reason. ``tins`` are the TINs of the golden
    companies: one for a company, one or more for a contact. For contacts, ``person`` is the number
    of the person behind the row: rows of one person are one contact; ``evidence`` lists which of
    ``mobile``, ``second_mobile`` and ``email`` the row has, as values of that person alone.
    """

    source: str
    kind: Kind
    source_id: str
    outcome: str
    tins: tuple[str, ...] = ()
    person: int | None = None
    evidence: tuple[str, ...] = ()


def company_outcome(deleted: bool, tin_reason: str, status: str | None) -> str:
    """Returns a company row's outcome; ``tin_reason`` is "" for a valid TIN."""
    if deleted:
        return "deleted_in_store"
    if tin_reason:
        return tin_reason
    if status is None:
        return "not_in_register"
    return GOLDEN if status in ("ACTIVE", "REORGANIZING") else "not_active"


def contact_outcome(deleted: bool, named: bool, outcomes: Collection[str | None]) -> str:
    """Returns a contact row's outcome: deletion, then the name, then ``outcomes`` decide.

    ``outcomes`` are those of its companies, None for a company that the store lacks.
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
