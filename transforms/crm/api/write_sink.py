"""Where a load sends its writes: to the portal, or to a plan that records them.

The loader decides each write and knows only ``WriteSink``. ``PortalSink`` executes the writes;
``transforms.crm.recording.RecordingSink`` writes them down.
"""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from transforms.core.chunks import chunks
from transforms.crm.api.answers import error_of
from transforms.crm.api.batch import as_map
from transforms.crm.api.circuit_breaker import CircuitBreaker
from transforms.crm.api.client import CrmClient
from transforms.crm.api.commands import write_commands
from transforms.crm.api.outcomes import Fields, Outcomes, is_gone, is_there_already
from transforms.crm.errors import Refused
from transforms.crm.limits.request_size import IMPORT, Sizes

K = TypeVar("K")
WriteKey = tuple[str, Any]
"""The record's key, and which of its parts or links the write is about."""

# PHP drops the values of one command after this many (its default is 1000).
_MOST_VALUES = 900


class WriteSink(Protocol):
    """Takes the writes of a load."""

    def import_size(self, remaining: int) -> int:
        """The number of items, of ``remaining``, to hand over at once, intents included."""

    def batch_size(self, method: str, remaining: int) -> int:
        """The number of calls of the method, of ``remaining``, to hand over at once."""

    def import_items(
        self, entity_type: int, items: Mapping[WriteKey, Fields]
    ) -> dict[WriteKey, int | Refused]:
        """Create items without any automation: ids or refusals; others' outcome is unknown."""

    def write_each(self, method: str, calls: Mapping[WriteKey, Fields]) -> Outcomes[WriteKey]:
        """Send one write call a record; the outcome of a call in neither set is unknown."""

    def conclude(self) -> None:
        """Judge the load as a whole, after its last write.

        Raises:
            RefusesAll: when nothing was accepted.
        """


class PortalSink:
    """Executes writes in the portal, in requests as large as the limits allow."""

    def __init__(self, client: CrmClient) -> None:
        self._client = client
        self._sizes = Sizes(client.limits)
        self._breaker = CircuitBreaker()

    def import_size(self, remaining: int) -> int:
        """The number of items, of ``remaining``, that go into one request."""
        return self._sizes.items() * self._sizes.imports(remaining)

    def batch_size(self, method: str, remaining: int) -> int:
        """The number of calls, of ``remaining``, that go into one request."""
        return self._sizes.commands(method, remaining)

    def import_items(
        self, entity_type: int, items: Mapping[WriteKey, Fields]
    ) -> dict[WriteKey, int | Refused]:
        """Create items in imports of several; an import that is refused is sent item by item."""
        groups = list(chunks(list(items), self._sizes.items()))
        outcomes = self._send_imports(
            {
                number: {"entityTypeId": entity_type, "data": [items[key] for key in keys]}
                for number, keys in enumerate(groups)
            }
        )
        created: dict[WriteKey, int | Refused] = {}
        for number, keys in enumerate(groups):
            if number in outcomes.done:
                answers = list(as_map(outcomes.done[number].get("items")).values())
                if len(answers) == len(keys):  # else it says nothing about any of them
                    created |= _imported(dict(zip(keys, answers, strict=True)))
            elif number in outcomes.refused and len(keys) == 1:
                created[keys[0]] = outcomes.refused[number]
            elif number in outcomes.refused:  # for the sake of one record: send each by itself
                for key in keys:
                    created |= self.import_items(entity_type, {key: items[key]})
        refusals = [error for error in created.values() if isinstance(error, Refused)]
        self._breaker.count(IMPORT, len(created) - len(refusals), refusals)
        return created

    def _send_imports(self, calls: Mapping[int, Fields]) -> Outcomes[int]:
        """Send imports in one request, or each in its own where PHP would drop values."""
        outcomes: Outcomes[int] = Outcomes()
        commands = {number: (IMPORT, call) for number, call in calls.items()}
        if any(_count_values(call) > _MOST_VALUES for call in calls.values()):
            for number, command in commands.items():
                write_commands(self._client, {number: command}, outcomes)
        else:
            write_commands(self._client, commands, outcomes)
        return outcomes

    def write_each(self, method: str, calls: Mapping[WriteKey, Fields]) -> Outcomes[WriteKey]:
        """Send one write call a record, up to 50 a request."""
        outcomes: Outcomes[WriteKey] = Outcomes()
        remaining = list(calls)
        while remaining:
            size = self.batch_size(method, len(remaining))
            keys, remaining = remaining[:size], remaining[size:]
            write_commands(self._client, {key: (method, calls[key]) for key in keys}, outcomes)
            errors = [outcomes.refused[key] for key in keys if key in outcomes.refused]
            # A refusal that the record's own history explains says nothing about the portal.
            refusals = [e for e in errors if not is_gone(e) and not is_there_already(e)]
            self._breaker.count(method, any(key in outcomes.done for key in keys), refusals)
        return outcomes

    def conclude(self) -> None:
        """Raise ``RefusesAll`` when the portal has accepted nothing."""
        self._breaker.conclude()


def _count_values(value: Any) -> int:
    """The number of values that a command has when it is written as a query."""
    if isinstance(value, Mapping | list):
        children = value.values() if isinstance(value, Mapping) else value
        return sum(map(_count_values, children))
    return 1


def _imported(answers: Mapping[K, Mapping[str, Any]]) -> dict[K, int | Refused]:
    """Ids and refusals; an item that was neither imported nor refused is left out."""
    created: dict[K, int | Refused] = {}
    for key, answer in answers.items():
        if "item" in answer:
            created[key] = int(answer["item"]["id"])
            continue
        error = error_of(IMPORT, 0, answer)
        if error.fatal:
            raise error
        if isinstance(error, Refused):
            created[key] = error
    return created
