"""Outcomes of many calls to the portal."""

from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from transforms.core.outcomes import DELETED_IN_CRM
from transforms.crm.errors import Refused

K = TypeVar("K")
Fields = dict[str, Any]


class RefusedWrite(NamedTuple):
    """Why the portal refuses a write, and exactly what was sent."""

    error: Refused
    sent: Mapping[str, Any]


def refused_write(error: Refused, sent: Mapping[str, Any]) -> RefusedWrite:
    """The refusal of a change; its code is ``DELETED_IN_CRM`` when the changed thing is gone."""
    if is_gone(error):
        error = Refused(DELETED_IN_CRM, error.description)
    return RefusedWrite(error, sent)


def is_gone(error: Refused) -> bool:
    """Whether the portal says that what was to be changed does not exist (any more)."""
    # The older methods have no code for it; "method not found" has its own code.
    is_uncoded = error.code in ("", "0") and "not found" in error.description.lower()
    return is_uncoded or error.code.upper() == "NOT_FOUND"


def is_there_already(error: Refused) -> bool:
    """Whether the portal says that such an address exists: then it is changed instead."""
    return "TypeAddress exists" in error.description


class Outcomes(Generic[K]):
    """The result of each call, or why it was refused.

    A call in neither was sent, and may have been executed or not.
    """

    def __init__(self) -> None:
        self.done: dict[K, Any] = {}
        self.refused: dict[K, Refused] = {}

    def answered(self) -> set[K]:
        """The calls whose outcome is known."""
        return self.done.keys() | self.refused.keys()

    def ids(self) -> dict[K, int | Refused]:
        """For each answered call the id in its result, or its refusal."""
        return {key: int(result) for key, result in self.done.items()} | self.refused

    def add(self, outcomes: "Outcomes[K]") -> None:
        """Take over the outcomes of further calls."""
        self.done |= outcomes.done
        self.refused |= outcomes.refused
