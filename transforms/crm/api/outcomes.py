"""What came of many calls to the portal."""

from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from transforms.core.outcomes import DELETED_IN_CRM
from transforms.crm.errors import Refused

K = TypeVar("K")
Fields = dict[str, Any]


class Rejection(NamedTuple):
    """Why the portal does not take a record, and exactly what was sent."""

    error: Refused
    sent: Mapping[str, Any]


def is_gone(error: Refused) -> bool:
    """Whether the portal says that what was to be changed is not there (any more)."""
    # The older methods have no code for it; "method not found" has one of its own.
    told = error.code in ("", "0") and "not found" in error.description.lower()
    return told or error.code.upper() == "NOT_FOUND"


def is_there_already(error: Refused) -> bool:
    """Whether the portal says that such an address is there: it is changed then."""
    return "TypeAddress exists" in error.description


def rejection(error: Refused, sent: Mapping[str, Any]) -> Rejection:
    """Why a change of an item, or of what hangs on it, is not taken."""
    if is_gone(error):
        error = Refused(DELETED_IN_CRM, error.description)
    return Rejection(error, sent)


class Outcomes(Generic[K]):
    """The result of each call, or why it was refused.

    A call in neither was sent, but nobody knows whether it was executed.
    """

    def __init__(self) -> None:
        self.done: dict[K, Any] = {}
        self.refused: dict[K, Refused] = {}

    def known(self) -> set[K]:
        """The calls whose outcome is known."""
        return self.done.keys() | self.refused.keys()

    def ids(self) -> dict[K, int | Refused]:
        """For each call the id that it gave, or its refusal."""
        return {key: int(result) for key, result in self.done.items()} | self.refused
