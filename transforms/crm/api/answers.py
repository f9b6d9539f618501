"""What a portal's reply means: a result, an error of one of the kinds, seconds of work."""

from collections.abc import Mapping
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
from transforms.crm.limits.request_rate import BATCH, Usage

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
    """Why the reply to a request is no result; None when it is one."""
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


def error_of(method: str, status: int, told: Any) -> CrmError:
    """The error that a portal tells; ``status`` is 0 for a command of a batch, which has none."""
    error = told if isinstance(told, dict) else {"error_description": told}
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
    """The outcome of each command; ``methods`` says which method each key called."""
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
    """What a request used up of the limits; ``methods`` are those of a batch's commands, by key.

    ``units`` are the commands', or under ``""`` those of a plain call.
    They are billed to their own methods or to ``batch``: where the portal tells one sum and not
    the other, the other is free; where it tells none, or both, both are counted.
    """
    if not reply.sent:
        return Usage(arrived=False)
    if isinstance(error, Throttled):
        return _usage({method: error}, [], "")
    own = _spent(method, reply, reply.body or {}, reply.seconds, error, units.get("", 1))
    if not methods:
        return Usage(spent=[own])
    body = (reply.body or {}) if error is None else {}
    errors = read_batch(methods, body).errors if body else dict.fromkeys(methods, error)
    times = as_map(as_map(body.get("result")).get("result_time"))
    share = reply.seconds / sum(units.values())
    spent = [
        _spent(
            name,
            reply,
            {"time": times.get(key)},
            share * units[key],
            errors.get(key),
            units[key],
        )
        for key, name in methods.items()
        if not isinstance(errors.get(key), Throttled)
    ]
    to_batch = own.operating is not None
    to_commands = any(one.operating is not None for one in spent)
    billed = ("both" if to_commands else BATCH) if to_batch else "commands" * to_commands
    if billed == BATCH:
        spent = [replace(one, free=True) for one in spent]
    if billed != "commands":
        spent.append(own)
    refused = {methods[k]: e for k, e in errors.items() if isinstance(e, Throttled)}
    return _usage(refused, spent, billed)


def _usage(refused: Mapping[str, Throttled], spent: list[Spent], billed: str) -> Usage:
    over_rate = {name for name, error in refused.items() if error.code.upper() == _OVER_RATE}
    refusing = frozenset(refused.keys() - over_rate)
    return Usage(True, bool(over_rate), refusing, spent, billed)


def _spent(
    method: str,
    reply: Reply,
    told: Mapping[str, Any],
    measured: float,
    error: CrmError | None,
    units: int,
) -> Spent:
    """A call's cost by the ``time`` that the portal told; without it, the seconds measured."""
    time = as_map(told.get("time"))
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
