"""Faults that tests switch on: lost answers, gateway errors, blocks, refused records."""

import random
import threading
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec

Kind = Literal[
    "lost",  # the connection is cut without an answer
    "html",  # a gateway answers 502 with HTML
    "error500",  # 500 INTERNAL_SERVER_ERROR
    "slow",  # the answer comes after `seconds`
    "limit",  # 503 QUERY_LIMIT_EXCEEDED, not executed
    "overload",  # 503 OVERLOAD_LIMIT, not executed
    "auth",  # 401 NO_AUTH_FOUND or `code`, not executed
    "redirect",  # 302: the portal was renamed, not executed
    "no_time",  # the answer has no `time`
    "no_operating",  # the answer's `time` has no `operating`
    "denied",  # 403 insufficient_scope or `code`; in a batch only that command
    "operating",  # 429 OPERATION_TIME_LIMIT; in a batch only that command
    "refuse",  # 400 for the records that match `origins`, `contains` or `every`
    "bare_error",  # refusals come with `code` ("" or 0) in place of their own
]
Moment = Literal["before", "after"]


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """One fault; it strikes with ``probability``, after ``skip`` calls, at most ``times`` times.

    ``method`` is a pattern ("crm.item.*"); a batch matches by its own name or its commands' names.
    ``moment`` says whether the answer is lost before or after the work (lost, html, error500).
    ``refuse`` refuses records whose origin, XML_ID or TIN is in ``origins``, whose title or last
    name contains ``contains``, or every ``every``-th record; without any of these, all records.
    """

    kind: Kind
    method: str = "*"
    moment: Moment = "after"
    probability: float = 1.0
    skip: int = 0
    times: int | None = None
    code: str | int | None = None
    seconds: float = 59.0
    origins: frozenset[str] = frozenset()
    contains: str = ""
    every: int = 1


class Faults:
    """The active faults, with a seeded random generator."""

    def __init__(self, faults: Iterable[Fault], seed: int) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self.set(faults)

    def set(self, faults: Iterable[Fault]) -> None:
        """Replaces the active faults."""
        self._faults = list(faults)
        self._call_counts = [0] * len(self._faults)
        self._strike_counts = [0] * len(self._faults)

    def load(self, body: bytes) -> None:
        """Replaces the active faults by a JSON list; raises ValueError when it is not valid."""
        self.set(msgspec.json.decode(body, type=list[Fault]))

    def strike(
        self, kind: Kind, methods: Iterable[str], moment: Moment | None = None
    ) -> Fault | None:
        """Returns the fault of this kind that strikes a call of one of the methods now, if any."""
        for index, fault in enumerate(self._faults):
            if (
                fault.kind == kind
                and moment in (None, fault.moment)
                and any(fnmatchcase(method, fault.method) for method in methods)
                and self._draw(index, fault)
            ):
                return fault
        return None

    def refuses(self, method: str, record: Mapping[str, Any]) -> Fault | None:
        """Returns the fault that refuses this record, if any."""
        for index, fault in enumerate(self._faults):
            if (
                fault.kind == "refuse"
                and fnmatchcase(method, fault.method)
                and _matches(fault, record)
                and self._draw(index, fault)
            ):
                return fault
        return None

    def _draw(self, index: int, fault: Fault) -> bool:
        with self._lock:
            self._call_counts[index] += 1
            count = self._call_counts[index] - fault.skip
            if count <= 0 or count % fault.every or self._strike_counts[index] == fault.times:
                return False
            if self._random.random() >= fault.probability:
                return False
            self._strike_counts[index] += 1
            return True


def _matches(fault: Fault, record: Mapping[str, Any]) -> bool:
    if fault.origins and fault.origins.isdisjoint(
        str(record.get(name)) for name in ("originId", "XML_ID", "RQ_INN")
    ):
        return False
    names = (str(record.get(name) or "") for name in ("title", "lastName", "NAME"))
    return not fault.contains or any(fault.contains in text for text in names)
