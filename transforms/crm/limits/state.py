"""What is counted of a portal's limits, and where it is kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import msgspec

from transforms.crm.limits.operating_time import OperatingBudget, Spent

T = TypeVar("T")

BATCH = "batch"

# Our share of the rate. Who takes all of it starves others without ever noticing them: the bucket
# is then full for them only.
MOST_SHARE = 0.98


class Permit(msgspec.Struct, frozen=True):
    """One request that may be sent: how many calls of which methods, and what was set aside."""

    number: int
    at: float
    calls: dict[str, int]
    waited: float
    marks: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Usage:
    """What became of a request.

    ``arrived`` is false when it surely never reached the portal. ``over_rate``: refused with 503;
    ``over_operating``: the methods refused with 429; ``spent``: what its calls cost. ``billed``
    says what a batch was billed to: ``batch``, its ``commands``, or nothing is known ("").
    """

    arrived: bool = True
    over_rate: bool = False
    over_operating: frozenset[str] = frozenset()
    spent: list[Spent] = field(default_factory=list)
    billed: str = ""

    @property
    def refused(self) -> bool:
        """Whether a limit was hit."""
        return self.over_rate or bool(self.over_operating)


@dataclass
class Statistics:
    """Requests that reached the portal, those of them that hit a limit, seconds waited.

    ``unexplained`` is how often our own count had room and the portal had not: another program was
    faster.
    """

    requests: int = 0
    refused: int = 0
    seconds_waited: float = 0.0
    unexplained: int = 0


@dataclass(frozen=True)
class MethodBudget:
    """``spent`` of ``limit`` seconds of work, and what a call is expected to cost."""

    spent: float
    limit: float
    average: float


@dataclass(frozen=True)
class Budget:
    """A look at the limits: the bucket's ``level`` of ``burst``, each method's operating time."""

    level: float
    burst: float
    methods: Mapping[str, MethodBudget]


class State(msgspec.Struct):
    """All that is counted. Moments are those of the clock."""

    seen: float
    level: float = 0.0
    hold: float = 0.0
    held_until: float = 0.0
    share: float = MOST_SHARE
    billed: str = ""
    last_permit: int = 0
    flights: dict[int, Permit] = {}
    methods: dict[str, OperatingBudget] = {}


class Store(Protocol):
    """Keeps the count for several processes."""

    def change(self, work: Callable[[bytes | None], tuple[bytes | None, T]]) -> T:
        """Does ``work`` to what is kept, while nobody else does; None keeps what is there.

        ``work`` may be called again when somebody got in its way.
        """
