"""The gateway in front of the methods: key, request rate, faults, time limit of a request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from sandbox.bitrix24 import php
from sandbox.bitrix24.answers import HTML, Dropped, Reply, RestError
from sandbox.bitrix24.faults import Faults, Moment
from sandbox.bitrix24.limits import REQUEST_SECONDS, LeakyBucket
from sandbox.bitrix24.methods.rest import Rest
from sandbox.bitrix24.tables.state import State
from sandbox.bitrix24.web.transport import Request

# The address of a renamed portal; the old address answers 302.
RENAMED = "/renamed"
_GATEWAY_PAGE = b"<html><head><title>Gateway</title></head><body><h1>nginx</h1></body></html>"
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Call:
    """A request before or after its execution, as ``moment`` says."""

    number: int
    moment: Moment
    method: str
    params: Mapping[str, Any]


class _Redirect(Exception):  # noqa: N818 -- a turn of the road
    pass


class _BadGateway(Exception):  # noqa: N818 -- an answer like the others
    pass


@dataclass
class Gateway:
    """One portal's REST interface; ``bucket`` None: no limit on the request rate."""

    state: State
    rest: Rest
    faults: Faults
    bucket: LeakyBucket | None
    code: str
    sleeps: bool
    hook: Callable[[Call], None] | None = None

    def reply(self, request: Request) -> Reply:
        """Returns the reply to an HTTP request; raises Dropped when there is none."""
        stats, moved = self.state.stats, request.path.startswith(RENAMED)
        path = request.path.removeprefix(RENAMED)
        stats.blame("get_requests", int(request.verb == "GET"))
        stats.blame("followed_redirects", int(request.verb == "GET" and moved))
        method = path.rstrip("/").rpartition("/")[2].removesuffix(".json")
        params = self._params(request)
        call = Call(stats.request(), "before", method, params)
        names = self.rest.names(method, params)
        try:
            return self._execute(call, names, path, moved)
        except RestError as error:
            stats.refuse(error.code)
            return Reply(error.status, _encode(error.body()))
        except _Redirect:
            return Reply(302, b"", HTML, f"{RENAMED}{path}")
        except _BadGateway:
            return Reply(502, _GATEWAY_PAGE, HTML)

    def _execute(self, call: Call, names: list[str], path: str, moved: bool) -> Reply:
        self._call_hook(call)
        self._lose("before", names)
        if not moved and self.faults.strike("redirect", names):
            raise _Redirect
        self._let_in(path, names)
        answer, seconds = self.rest.call(call.method, dict(call.params))
        self._call_hook(Call(call.number, "after", call.method, call.params))
        slow = self.faults.strike("slow", names)
        self.state.clock.sleep((seconds if self.sleeps else 0) + (slow.seconds if slow else 0))
        self._lose("after", names)
        if seconds > REQUEST_SECONDS:
            self.state.stats.blame("over_60_seconds")
            return Reply(504, _GATEWAY_PAGE, HTML)
        return Reply(200, _encode(self._trim(answer, names)))

    def _params(self, request: Request) -> dict[str, Any]:
        """Returns the parameters of URL and body; a body of broken JSON has none."""
        params = php.parse_query(request.query, self.rest.max_vars)
        if request.is_form:
            form = request.body.decode("utf-8", "replace")
            return params | php.parse_query(form, self.rest.max_vars)
        try:
            sent = msgspec.json.decode(request.body or b"{}")
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.state.stats.blame("broken_json")
            return params
        return params | sent if isinstance(sent, dict) else params

    def _call_hook(self, call: Call) -> None:
        if self.hook is None:
            return
        try:
            self.hook(call)
        except Exception as error:
            raise Dropped from error

    def _lose(self, moment: Moment, names: list[str]) -> None:
        """Raises the error of a broken line or gateway when a fault strikes at this moment."""
        if self.faults.strike("lost", names, moment):
            raise Dropped
        if self.faults.strike("html", names, moment):
            raise _BadGateway
        if self.faults.strike("error500", names, moment):
            raise RestError(500, "INTERNAL_SERVER_ERROR", "Internal server error")

    def _let_in(self, path: str, names: list[str]) -> None:
        """Raises RestError when the portal is blocked, the key wrong or the rate exceeded."""
        if self.faults.strike("overload", names):
            raise RestError(503, "OVERLOAD_LIMIT", "REST API is blocked due to overload.")
        locked = self.faults.strike("auth", names)
        if locked:
            raise RestError(401, locked.code or "NO_AUTH_FOUND", "Wrong authorization data")
        if path.split("/")[3:4] != [self.code]:
            raise RestError(401, "INVALID_CREDENTIALS", "Invalid request credentials")
        if self.faults.strike("limit", names):
            raise RestError(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
        if self.bucket and not self.bucket.take():
            self.state.stats.blame("over_rate")
            raise RestError(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")

    def _trim(self, answer: dict[str, Any], names: list[str]) -> dict[str, Any]:
        if self.faults.strike("no_time", names):
            del answer["time"]
        elif self.faults.strike("no_operating", names):
            answer["time"].pop("operating", None)
            answer["time"].pop("operating_reset_at", None)
        return answer
