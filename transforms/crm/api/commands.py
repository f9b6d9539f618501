"""Calls of many records packed into batches: one outcome for each."""

from collections.abc import Mapping
from typing import TypeVar

from transforms.core.chunks import chunks
from transforms.crm.api.batch import BatchAnswer, Command
from transforms.crm.api.client import CrmClient
from transforms.crm.api.outcomes import Outcomes
from transforms.crm.errors import CrmUnavailable, Refused, UnknownOutcome
from transforms.crm.limits.request_size import MAX_COMMANDS

K = TypeVar("K")


def read_commands(client: CrmClient, commands: Mapping[K, Command]) -> Outcomes[K]:
    """Execute reads, 50 a request: each has a result or a refusal afterwards.

    Raises:
        CrmUnavailable, Stop: when a read has no answer.
    """
    outcomes: Outcomes[K] = Outcomes()
    for keys in chunks(list(commands), MAX_COMMANDS):
        answer = _send_batch(client, {key: commands[key] for key in keys}, outcomes, writes=False)
        for error in answer.errors.values():
            if not isinstance(error, Refused):
                raise error if error.fatal else CrmUnavailable(str(error), error.code)
    return outcomes


def write_commands(client: CrmClient, commands: Mapping[K, Command], outcomes: Outcomes[K]) -> None:
    """Execute writes in one request, and add each answered one to ``outcomes``.

    Raises:
        CrmUnavailable, Stop: when the run cannot go on.
    """
    try:
        if len(commands) == 1:
            for key, (method, params) in commands.items():
                outcomes.done[key] = client.call(method, params, writes=True)["result"]
            return
        answer = _send_batch(client, commands, outcomes, writes=True)
    except UnknownOutcome:
        return
    except Refused as error:
        if len(commands) == 1:
            outcomes.refused |= dict.fromkeys(commands, error)
            return
        # The request is refused for the sake of one record: send each by itself.
        for key, command in commands.items():
            write_commands(client, {key: command}, outcomes)
        return
    if answer.fatal:
        raise answer.fatal


def _send_batch(
    client: CrmClient, commands: Mapping[K, Command], outcomes: Outcomes[K], writes: bool
) -> BatchAnswer:
    names = {f"c{number:04}": key for number, key in enumerate(commands)}
    answer = client.batch({name: commands[key] for name, key in names.items()}, writes=writes)
    outcomes.done |= {names[name]: result for name, result in answer.results.items()}
    outcomes.refused |= {
        names[name]: error for name, error in answer.errors.items() if isinstance(error, Refused)
    }
    return answer
