"""The state of a portal's limits: what is counted, and where the count is kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

import msgspec

from transforms.crm.limits.operating_time import OperatingBudget, Spent

T = TypeVar("T")

Billing = Literal["", "batch", "commands", "both"]
"""To what a portal bills a batch: the method ``batch``, its commands' methods; "": unknown."""

BATCH: Literal["batch"] = "batch"
COMMANDS: Literal["commands"] = "commands"
BOTH: Literal["both"] = "both"

# Our share of the rate. A program that takes all of it starves others and never notices them: then
# the bucket is full for the others only.
MOST_SHARE = 0.98


class Permit(msgspec.Struct, frozen=True):
    """Allows one request: when it was given, for how many calls of each method.

    ``marks`` are the seconds of work set aside for each method, and its state at that moment.
    ``waited`` is in seconds.
    """

    number: int
    moment: float = msgspec.field(name="at")
    calls: dict[str, int]
    waited: float
    marks: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Usage:
    """The usage of the limits by one request.

    ``arrived`` is false when it surely never reached the portal. ``over_rate``: refused with 503;
    ``over_operating``: the methods refused with 429; ``spent``: the costs of its calls. ``billed``
    says to what a batch was billed.
    """

    arrived: bool = True
    over_rate: bool = False
    over_operating: frozenset[str] = frozenset()
    spent: list[Spent] = field(default_factory=list)
    billed: Billing = ""

    @property
    def refused(self) -> bool:
        """Whether a limit was hit."""
        return self.over_rate or bool(self.over_operating)


@dataclass
class Statistics:
    """Requests that reached the portal, those of them that hit a limit, seconds waited.

    ``unexplained`` is how often the portal had no room although our own count had: another program
    used it.
    """

    requests: int = 0
    refused: int = 0
    seconds_waited: float = 0.0
    unexplained: int = 0


@dataclass(frozen=True)
class MethodBudget:
    """Operating time of one method: ``spent`` of ``limit`` seconds, the expected cost of a call."""

    spent: float
    limit: float
    average: float


@dataclass(frozen=True)
class Budget:
    """The usage of the limits: the bucket's ``level`` of ``burst``, each method's time."""

    level: float
    burst: float
    methods: Mapping[str, MethodBudget]


class State(msgspec.Struct):
    """The whole count. ``settled_at`` is the moment up to which time has passed in it.

    The names of the fields are those that are stored: an older count is read on.
    """

    settled_at: float = msgspec.field(name="seen")
    level: float = 0.0
    hold: float = 0.0
    held_until: float = 0.0
    share: float = MOST_SHARE
    billed: Billing = ""
    last_permit: int = 0
    flights: dict[int, Permit] = {}
    methods: dict[str, OperatingBudget] = {}


class Store(Protocol):
    """Keeps the count for several processes."""

    def change(self, work: Callable[[bytes | None], tuple[bytes | None, T]]) -> T:
        """Call ``work`` with the kept count, exclusively, and keep what it returns, unless None.

        ``work`` may be called again when another writer interfered.
        """
