"""Bitrix24's REST interface: one call, or a batch of 50, at the portal's pace.

What a reply means is decided in ``answers``, when to send in ``limits``; here it is sent, and sent
again where that can do no harm.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

from transforms.crm.api.answers import failure, read_batch, usage_of
from transforms.crm.api.batch import BatchAnswer, Command, as_map, encode_command
from transforms.crm.api.connection import Connection, Reply, check_webhook
from transforms.crm.errors import CrmError, CrmUnavailable, Throttled, UnknownOutcome
from transforms.crm.limits.request_rate import Limits
from transforms.crm.limits.request_size import MAX_COMMANDS, units

__all__ = ["CrmClient", "check_webhook"]

PAGE = 50

WAITS = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""Seconds between tries while nothing was executed, or a read went wrong: two minutes in all."""

# Refusals for a limit in a row, each after the wait that the limit asks for (up to ten minutes).
_MOST_REFUSALS = 30
_RUN_AGAIN = "Nothing is lost: run again when the portal works."


class CrmClient:
    """A portal's methods, for several threads at once.

    ``timeout`` is to connect and to read: a portal works 60 s at most and may finish after we have
    given up. ``workers`` is how many threads may ask at once. ``waits`` are the seconds between the
    tries to reach the portal, and to read after a failure.
    """

    def __init__(
        self,
        webhook_url: str,
        limits: Limits,
        *,
        timeout: tuple[float, float] = (10.0, 75.0),
        workers: int = 8,
        waits: Sequence[float] = WAITS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.limits = limits
        self._connection = Connection(webhook_url, timeout, workers)
        self._waits, self._clock, self._sleep = tuple(waits), clock, sleep

    def __enter__(self) -> "CrmClient":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connections."""
        self._connection.close()

    def call(self, method: str, params: Mapping[str, Any], *, writes: bool) -> dict[str, Any]:
        """The answer to one method: ``result``, and what came with it (``next``, ``total``).

        Raises:
            Refused: the portal does not take it; nothing was written.
            UnknownOutcome: only when it ``writes``: it may have happened or not.
            CrmUnavailable, Stop: the run cannot go on.
        """
        return self._ask(method, params, {}, {"": units(method, params)}, writes)

    def batch(self, commands: Mapping[str, Command], *, writes: bool) -> BatchAnswer:
        """What became of each of 50 commands at most; they run in their order.

        A command's error is any of ``CrmError``: ``Refused``; ``UnknownOutcome`` of a write; one
        that is ``fatal``; ``Throttled`` (not executed) when a limit has refused it again and again.
        Those over a limit were sent again by themselves before, and so were reads without answer.

        Raises:
            CrmError: what ``call`` raises, when no command has an answer. Later it stands at those
                that are left, so that no answer gets lost.
        """
        if len(commands) > MAX_COMMANDS:
            raise ValueError(f"a batch takes {MAX_COMMANDS} commands at most, not {len(commands)}")
        answer, left, rounds = BatchAnswer(), dict(commands), 0
        while left:
            part = self._ask_batch(left, writes, is_first=not rounds)
            rounds += 1
            again = {k: e for k, e in part.errors.items() if self._is_to_repeat(e, writes, rounds)}
            answer.results.update(part.results)
            answer.errors.update({k: e for k, e in part.errors.items() if k not in again})
            left = {key: command for key, command in left.items() if key in again}
            if any(isinstance(error, UnknownOutcome) for error in again.values()):
                self._sleep(self._waits[rounds - 1])
        return answer

    def _is_to_repeat(self, error: CrmError, writes: bool, rounds: int) -> bool:
        if isinstance(error, UnknownOutcome):
            return not writes and rounds <= len(self._waits)
        return isinstance(error, Throttled) and rounds < _MOST_REFUSALS

    def _ask_batch(
        self, commands: Mapping[str, Command], writes: bool, is_first: bool
    ) -> BatchAnswer:
        lines = {key: encode_command(*command) for key, command in commands.items()}
        methods = {key: method for key, (method, _) in commands.items()}
        try:
            measured = {key: units(*command) for key, command in commands.items()}
            body = self._ask("batch", {"halt": 0, "cmd": lines}, methods, measured, writes)
        except CrmError as error:
            if is_first:
                raise
            return BatchAnswer({}, dict.fromkeys(commands, error))
        return read_batch(methods, body)

    def _ask(
        self,
        method: str,
        params: Mapping[str, Any],
        methods: Mapping[str, str],
        measured: Mapping[str, int],
        writes: bool,
    ) -> dict[str, Any]:
        """The answer's JSON, once there is one; raises what ``call`` does."""
        sent = json.dumps(params, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
        waits, refusals = iter(self._waits), 0
        while True:
            reply, error = self._send(method, sent, methods, measured)
            if error is None:
                return reply.body or {}
            if isinstance(error, Throttled):
                refusals += 1
                if refusals == _MOST_REFUSALS:
                    raise CrmUnavailable(f"{error} It refuses again and again. {_RUN_AGAIN}")
                continue
            if reply.sent and (writes or not isinstance(error, UnknownOutcome)):
                raise error
            wait = next(waits, None)
            if wait is None:
                raise CrmUnavailable(f"{error} {_RUN_AGAIN}")
            self._sleep(wait)

    def _send(
        self, method: str, body: bytes, methods: Mapping[str, str], measured: Mapping[str, int]
    ) -> tuple[Reply, CrmError | None]:
        calls = Counter({method: measured.get("", 1)})
        for key, name in methods.items():
            calls[name] += measured[key]
        permit = self.limits.acquire(calls)
        reply = self._connection.post(method, body, self._clock)
        error = failure(method, reply)
        self.limits.release(permit, usage_of(method, methods, measured, reply, error))
        return reply, error

    def fields(self, entity_type_id: int) -> dict[str, dict[str, Any]]:
        """What ``crm.item.fields`` tells of each field, by its name: 4 companies, 3 contacts."""
        answer = self.call("crm.item.fields", {"entityTypeId": entity_type_id}, writes=False)
        return as_map(as_map(answer["result"]).get("fields"))

    def list_items(
        self, entity_type_id: int, select: Sequence[str], where: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """All items that a filter lets through, by rising ``id``; a list in it has 50 at most."""
        params = {"entityTypeId": entity_type_id, "select": ["id", *select]}
        return self._walk("crm.item.list", params, where, "id")

    def list_rows(
        self, method: str, select: Sequence[str], where: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """The same for the older lists (``crm.requisite.list`` …), whose key is ``ID``."""
        return self._walk(method, {"select": ["ID", *select]}, where, "ID")

    def _walk(
        self, method: str, params: Mapping[str, Any], where: Mapping[str, Any], key: str
    ) -> Iterator[dict[str, Any]]:
        """Page after page, each from the last id on: nothing is counted, and nothing skipped."""
        last = 0
        while True:
            asked = {"filter": {**where, f">{key}": last}, "order": {key: "ASC"}, "start": -1}
            result = self.call(method, {**params, **asked}, writes=False)["result"]
            rows = list(as_map(as_map(result).get("items", result)).values())
            yield from rows
            if len(rows) < PAGE:
                return
            last = int(rows[-1][key])
