"""Bitrix24's REST interface: one call, or a batch of 50, within the portal's limits.

``answers`` reads the replies and ``limits`` says when to send; the client sends, and sends again
where that can do no harm.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
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
"""Seconds between tries while nothing was executed, or a read failed: two minutes in all."""

# Refusals for a limit in a row, each after the wait that the limit asks for (up to ten minutes).
_MOST_REFUSALS = 30
_RUN_AGAIN = "Nothing is lost: run again when the portal works."


class CrmClient:
    """Calls a portal's methods. Safe for several threads.

    ``timeout`` is in seconds, to connect and to read: a portal works 60 s at most and may finish
    after we have given up. ``workers`` is how many threads may call at once. ``waits`` are the
    seconds between the tries to reach the portal, and to read after a failure.
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

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connections."""
        self._connection.close()

    def call(self, method: str, params: Mapping[str, Any], *, writes: bool) -> dict[str, Any]:
        """Call one method; return its answer: ``result``, and possibly ``next`` and ``total``.

        Raises:
            Refused: the portal refuses the call; nothing was written.
            UnknownOutcome: only if the call ``writes``: it may have been executed or not.
            CrmUnavailable, Stop: the run cannot go on.
        """
        return self._request(method, params, {}, {"": units(method, params)}, writes)

    def batch(self, commands: Mapping[str, Command], *, writes: bool) -> BatchAnswer:
        """Execute 50 commands at most, in their order; return the result or error of each.

        A command's error is any ``CrmError``: ``Refused``; ``UnknownOutcome`` of a write; a fatal
        one; ``Throttled`` (not executed) when a limit has refused it again and again. Commands over
        a limit have been repeated before, and so have reads without an answer.

        Raises:
            CrmError: what ``call`` raises, if no command has an answer. After the first round the
                error is that of each remaining command, so that no answer gets lost.
        """
        if len(commands) > MAX_COMMANDS:
            raise ValueError(f"a batch takes {MAX_COMMANDS} commands at most, not {len(commands)}")
        answer, remaining, rounds = BatchAnswer(), dict(commands), 0
        while remaining:
            part = self._request_batch(remaining, writes, is_first=not rounds)
            rounds += 1
            repeated = {
                key: error
                for key, error in part.errors.items()
                if self._is_repeatable(error, writes, rounds)
            }
            answer.results.update(part.results)
            answer.errors.update({k: e for k, e in part.errors.items() if k not in repeated})
            remaining = {key: remaining[key] for key in repeated}
            if any(isinstance(error, UnknownOutcome) for error in repeated.values()):
                self._sleep(self._waits[rounds - 1])
        return answer

    def _is_repeatable(self, error: CrmError, writes: bool, rounds: int) -> bool:
        if isinstance(error, UnknownOutcome):
            return not writes and rounds <= len(self._waits)
        return isinstance(error, Throttled) and rounds < _MOST_REFUSALS

    def _request_batch(
        self, commands: Mapping[str, Command], writes: bool, is_first: bool
    ) -> BatchAnswer:
        lines = {key: encode_command(*command) for key, command in commands.items()}
        methods = {key: method for key, (method, _) in commands.items()}
        try:
            measured = {key: units(*command) for key, command in commands.items()}
            body = self._request("batch", {"halt": 0, "cmd": lines}, methods, measured, writes)
        except CrmError as error:
            if is_first:
                raise
            return BatchAnswer({}, dict.fromkeys(commands, error))
        return read_batch(methods, body)

    def _request(
        self,
        method: str,
        params: Mapping[str, Any],
        methods: Mapping[str, str],
        measured: Mapping[str, int],
        writes: bool,
    ) -> dict[str, Any]:
        """The JSON of the answer, after as many tries as are allowed; raises what ``call`` does."""
        text = json.dumps(params, ensure_ascii=False, allow_nan=False)
        body = text.encode("utf-8", "replace")
        waits, refusals = iter(self._waits), 0
        while True:
            reply, error = self._send(method, body, methods, measured)
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
        """The fields of an entity type by name, as ``crm.item.fields`` describes them."""
        answer = self.call("crm.item.fields", {"entityTypeId": entity_type_id}, writes=False)
        return as_map(as_map(answer["result"]).get("fields"))

    def list_items(
        self, entity_type_id: int, select: Sequence[str], where: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """All items that match a filter, by rising ``id``; a list in it has 50 values at most."""
        params = {"entityTypeId": entity_type_id, "select": ["id", *select]}
        return self._walk("crm.item.list", params, where, "id")

    def list_rows(
        self, method: str, select: Sequence[str], where: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        """All matching rows of an older list (``crm.requisite.list`` …), by rising ``ID``."""
        return self._walk(method, {"select": ["ID", *select]}, where, "ID")

    def _walk(
        self, method: str, params: Mapping[str, Any], where: Mapping[str, Any], key: str
    ) -> Iterator[dict[str, Any]]:
        """Keyset pagination: each page begins after the last id, so that no row is skipped."""
        last = 0
        while True:
            page = {"filter": {**where, f">{key}": last}, "order": {key: "ASC"}, "start": -1}
            result = self.call(method, {**params, **page}, writes=False)["result"]
            rows = list(as_map(as_map(result).get("items", result)).values())
            yield from rows
            if len(rows) < PAGE:
                return
            last = int(rows[-1][key])
