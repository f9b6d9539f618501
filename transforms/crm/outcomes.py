"""What came of many calls to the portal."""

from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from transforms.crm.errors import Refused

K = TypeVar("K")
Fields = dict[str, Any]


class Rejection(NamedTuple):
    """Why the portal does not take a record, and exactly what was sent."""

    error: Refused
    sent: Mapping[str, Any]


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
