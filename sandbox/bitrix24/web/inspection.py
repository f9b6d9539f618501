"""Inspection of the portal: ``/_sandbox/…`` for programs, ``/`` for people."""

import itertools
from dataclasses import dataclass
from typing import Any

import msgspec

from sandbox.bitrix24 import php
from sandbox.bitrix24.answers import HTML, Reply
from sandbox.bitrix24.faults import Faults
from sandbox.bitrix24.limits import LeakyBucket, OperatingTime
from sandbox.bitrix24.tables.state import State
from sandbox.bitrix24.web import page
from sandbox.bitrix24.web.transport import Request

_PAGE = 500


@dataclass
class Inspection:
    """Serves ``state``, ``stats``, ``clock``, ``faults``, ``reset`` and the page of a portal."""

    state: State
    faults: Faults
    bucket: LeakyBucket | None
    operating: OperatingTime | None

    def reply(self, request: Request) -> Reply:
        """Returns the reply to a request outside of the REST interface."""
        params = php.parse_query(request.query)
        match (request.verb, request.path):
            case ("GET", "/"):
                return Reply(200, page.render(self.state, params).encode(), HTML)
            case ("GET", "/_sandbox/state"):
                return self._state(params)
            case ("GET", "/_sandbox/stats"):
                return _json(self._stats())
            case ("GET", "/_sandbox/clock"):
                return _json({"now": self.state.clock.now(), "speed": self.state.clock.speed})
            case ("POST", "/_sandbox/clock"):
                return self._advance(request.body)
            case ("POST", "/_sandbox/faults"):
                return self._set_faults(request.body)
            case ("POST", "/_sandbox/reset"):
                self._reset()
                return _json({})
        return _json({"error": "NOT_FOUND", "error_description": "No such address."}, 404)

    def _state(self, params: dict[str, Any]) -> Reply:
        """Returns everything, or up to ``limit`` records of ``entity`` with ids above ``after``."""
        kind = params.get("entity")
        if kind is None:
            return Reply(200, self.state.dump())
        if kind not in self.state.tables:
            return _json({"error": "NOT_FOUND", "error_description": f"No {kind}."}, 404)
        limit = php.to_int(params.get("limit")) or _PAGE
        rows_after = self.state.rows(kind, php.to_int(params.get("after")))
        rows = list(itertools.islice(rows_after, limit))
        return _json({"items": rows, "next": rows[-1]["id"] if len(rows) == limit else None})

    def _stats(self) -> dict[str, Any]:
        kinds = ("companies", "contacts")
        return {
            **self.state.stats.as_dict(),
            "records": {kind: len(table) for kind, table in self.state.tables.items()},
            "operating": self.operating.spent() if self.operating else {},
            "duplicates": {kind: len(self.state.duplicates(kind)) for kind in kinds},
        }

    def _advance(self, body: bytes) -> Reply:
        """Moves the clock forward by ``{"advance": seconds}``."""
        self.state.clock.advance(msgspec.json.decode(body, type=dict[str, float])["advance"])
        return _json({"now": self.state.clock.now()})

    def _set_faults(self, body: bytes) -> Reply:
        try:
            self.faults.load(body)
        except msgspec.DecodeError as error:
            return _json({"error": "BAD_FAULTS", "error_description": str(error)}, 400)
        return _json({})

    def _reset(self) -> None:
        """Empties the portal: its records, counters, faults and limits."""
        with self.state.lock:
            self.state.clear()
        self.faults.set([])
        for limit in (self.bucket, self.operating):
            if limit:
                limit.reset()


def _json(data: Any, status: int = 200) -> Reply:
    return Reply(status, msgspec.json.encode(data))
