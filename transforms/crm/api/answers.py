"""Reading a portal's replies: a result, an error of one of the kinds, the operating time used."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

from transforms.core.secrets import mask
from transforms.crm.api.batch import BatchAnswer, as_map
from transforms.crm.api.connection import Reply
from transforms.crm.errors import (
    CrmError,
    PortalMoved,
    Refused,
    Stop,
    Throttled,
    UnknownOutcome,
)
from transforms.crm.limits.operating_time import Spent
from transforms.crm.limits.state import BATCH, BOTH, COMMANDS, Billing, Usage

_OVER_RATE = "QUERY_LIMIT_EXCEEDED"
_OVER_OPERATING = "OPERATION_TIME_LIMIT"
_NEW_WEBHOOK = (
    "The CRM does not know the webhook of --crm (it was deleted, or its user was): make a new"
    " inbound webhook with the right 'crm' in the portal, give it in --crm, and run again."
)
_NO_RIGHT = (
    "The CRM does not let us call {method}: give the webhook the right 'crm', and its user the"
    " right to read and change companies and contacts, and run again."
)
_STOPS = {
    "NO_AUTH_FOUND": _NEW_WEBHOOK,
    "EXPIRED_TOKEN": _NEW_WEBHOOK,
    "INVALID_CREDENTIALS": _NEW_WEBHOOK,
    "INSUFFICIENT_SCOPE": _NO_RIGHT,
    "ACCESS_DENIED": _NO_RIGHT,
    "OVERLOAD_LIMIT": (
        "Bitrix24 has blocked the portal's REST interface for overload: ask its support to unblock"
        " it, and run again."
    ),
}
_BROKE_DOWN = ("INTERNAL_SERVER_ERROR", "ERROR_UNEXPECTED_ANSWER")
_LONGEST_DESCRIPTION = 1000


def failure(method: str, reply: Reply) -> CrmError | None:
    """The error that a reply stands for; None when it has a result."""
    if 300 <= reply.status < 400:
        return PortalMoved(_moved(reply.moved_to))
    if reply.body is None:
        problem = reply.problem or f"HTTP {reply.status} without JSON"
        return UnknownOutcome(f"The CRM gave no answer to {method}: {problem}.")
    # The key's presence counts: older methods answer "error": "" or 0.
    if "error" in reply.body or reply.status >= 400:
        return error_of(method, reply.status, reply.body)
    if "result" not in reply.body:
        return UnknownOutcome(f"The CRM gave no answer to {method}: JSON without a result.")
    return None


def _moved(host: str) -> str:
    where = f" to {host}" if host else ""
    return (
        f"The CRM redirects{where}: the portal was renamed. Take the webhook's new address from the"
        " portal, give it in --crm, and run again."
    )


def error_of(method: str, status: int, body: Any) -> CrmError:
    """The error that a portal reports; ``status`` is 0 for a command of a batch, which has none."""
    error = body if isinstance(body, dict) else {"error_description": body}
    code = str(error.get("error", ""))
    description = mask(str(error.get("error_description", "")))[:_LONGEST_DESCRIPTION]
    name = code.upper()
    if name in (_OVER_RATE, _OVER_OPERATING) or status == 429:
        return Throttled(f"{method} is over a limit of the CRM.", code, description)
    if status in (401, 403) or (name in _STOPS and status != 400):
        advice = _STOPS.get(name, _NEW_WEBHOOK if status == 401 else _NO_RIGHT)
        return Stop(f"{advice.format(method=method)} ({code})", code, description)
    if status >= 500 or name in _BROKE_DOWN:
        return UnknownOutcome(f"The CRM broke down in {method}: {code}.", code, description)
    return Refused(code, description, method)


def read_batch(methods: Mapping[str, str], body: Mapping[str, Any]) -> BatchAnswer:
    """The outcome of each command of a batch; ``methods`` are the called methods by key."""
    result = as_map(body["result"])
    results, failed = as_map(result.get("result")), as_map(result.get("result_error"))
    errors: dict[str, CrmError] = {}
    for key, method in methods.items():
        if key in failed:
            errors[key] = error_of(method, 0, failed[key])
        elif key not in results:
            errors[key] = UnknownOutcome(f"The CRM's batch has no answer to {method}.")
    return BatchAnswer({key: results[key] for key in methods if key not in errors}, errors)


def usage_of(
    method: str,
    methods: Mapping[str, str],
    units: Mapping[str, int],
    reply: Reply,
    error: CrmError | None,
) -> Usage:
    """The usage of the limits by a request; ``methods`` are those of a batch's commands, by key.

    ``units`` are the commands', or under ``""`` those of a plain call. A batch is billed to its
    commands' methods or to the method ``batch``: where the portal reports operating time for one
    of the two only, the other is free; where it reports none, or both, both are counted.
    """
    if not reply.sent:
        return Usage(arrived=False)
    if isinstance(error, Throttled):
        return _usage({method: error}, [], "")
    request = _spent(method, reply, reply.body or {}, reply.seconds, error, units.get("", 1))
    if not methods:
        return Usage(spent=[request])
    body = (reply.body or {}) if error is None else {}
    errors = read_batch(methods, body).errors if body else dict.fromkeys(methods, error)
    times = as_map(as_map(body.get("result")).get("result_time"))
    commands = _spent_by_commands(methods, units, reply, times, errors)
    billed = _billing_of(request, commands)
    if billed == BATCH:
        commands = [replace(command, free=True) for command in commands]
    spent = commands if billed == COMMANDS else [*commands, request]
    throttled = {methods[key]: e for key, e in errors.items() if isinstance(e, Throttled)}
    return _usage(throttled, spent, billed)


def _spent_by_commands(
    methods: Mapping[str, str],
    units: Mapping[str, int],
    reply: Reply,
    times: Mapping[str, Any],
    errors: Mapping[str, CrmError | None],
) -> list[Spent]:
    """The cost of each executed command; without a reported time its share of the request's."""
    seconds_per_unit = reply.seconds / sum(units.values())
    return [
        _spent(
            method,
            reply,
            {"time": times.get(key)},
            seconds_per_unit * units[key],
            errors.get(key),
            units[key],
        )
        for key, method in methods.items()
        if not isinstance(errors.get(key), Throttled)
    ]


def _billing_of(request: Spent, commands: Sequence[Spent]) -> Billing:
    """To what the portal bills a batch, by where it reports operating time."""
    is_request_billed = request.operating is not None
    are_commands_billed = any(command.operating is not None for command in commands)
    if is_request_billed:
        return BOTH if are_commands_billed else BATCH
    return COMMANDS if are_commands_billed else ""


def _usage(throttled: Mapping[str, Throttled], spent: list[Spent], billed: Billing) -> Usage:
    over_rate = {name for name, error in throttled.items() if error.code.upper() == _OVER_RATE}
    over_operating = frozenset(throttled.keys() - over_rate)
    return Usage(True, bool(over_rate), over_operating, spent, billed)


def _spent(
    method: str,
    reply: Reply,
    answer: Mapping[str, Any],
    measured: float,
    error: CrmError | None,
    units: int,
) -> Spent:
    """A call's cost by the ``time`` in the portal's answer; without it, the seconds measured."""
    time = as_map(answer.get("time"))
    duration, operating = _number(time.get("duration")), _number(time.get("operating"))
    start, reset_at = _number(time.get("start")), _number(time.get("operating_reset_at"))
    reset_in = None
    if start is not None and reset_at is not None:
        # Both are the portal's, whose clock need not agree with ours.
        reset_in = reset_at - start - reply.seconds
    seconds = measured if duration is None else duration
    return Spent(method, max(seconds, 0.0), operating, reset_in, error is not None, units=units)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if isfinite(number) else None
