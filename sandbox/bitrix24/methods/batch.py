"""``batch``: runs up to 50 commands of one request in order."""

from collections.abc import Callable
from typing import Any

from sandbox.bitrix24 import php
from sandbox.bitrix24.answers import RestError
from sandbox.bitrix24.stats import Stats

MAX_COMMANDS = 50

Command = Callable[[str, dict[str, Any]], dict[str, Any]]
Answers = dict[str, dict[str, Any]]


def run_batch(
    params: dict[str, Any], command: Command, stats: Stats, max_vars: int
) -> dict[str, Any]:
    """Runs ``cmd`` through ``command``; returns ``result``, ``result_error``, ``result_total`` ….

    A command may refer to the answers of earlier ones by ``$result[key]`` in any value.
    """
    upper_params = {name.upper(): value for name, value in params.items()}
    answers: Answers = {name: {} for name in ("result", "error", "total", "next", "time")}
    for number, (key, line) in enumerate(php.items(upper_params.get("CMD"))):
        if not isinstance(line, str):
            continue
        try:
            answer = _run(number, line, answers, command, stats, max_vars)
        except RestError as error:
            stats.refuse(error.code)
            answers["error"][key] = error.body()
            if not php.is_empty(upper_params.get("HALT")):
                break
        else:
            for name, value in answer.items():
                answers[name][key] = value
    parts = {"result": "result"} | {f"result_{n}": n for n in ("error", "total", "next", "time")}
    return {name: php.array(answers[source]) for name, source in parts.items()}


def _run(
    number: int, line: str, answers: Answers, command: Command, stats: Stats, max_vars: int
) -> dict[str, Any]:
    if number >= MAX_COMMANDS:
        stats.blame("over_long_batches", number == MAX_COMMANDS)
        raise RestError(400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
    method, query = split_command(line)
    if method.lower() == "batch":
        stats.blame("nested_batches")
        raise RestError(
            405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage"
        )
    params, replaced = php.substitute(php.parse_query(query, max_vars), answers)
    stats.blame("references", replaced)
    return command(method, params)


def split_command(line: str) -> tuple[str, str]:
    """Splits ``crm.item.get?id=1#…`` into method and query; ``#`` ends it, as in any URL."""
    method, _, query = line.partition("#")[0].partition("?")
    return method.removesuffix(".json").strip("/"), query
