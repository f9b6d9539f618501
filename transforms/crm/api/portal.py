"""What we ask of a portal, many records a call: found, created, updated, or refused."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from transforms.core.chunks import chunks
from transforms.core.errors import ConfigurationError
from transforms.crm.api import mapping
from transforms.crm.api.answers import error_of
from transforms.crm.api.batch import BatchAnswer, Command, as_map
from transforms.crm.api.client import CrmClient
from transforms.crm.api.custom_fields import names_in
from transforms.crm.api.outcomes import Fields, Outcomes, is_gone, is_there_already
from transforms.crm.api.refusals import Refusals
from transforms.crm.errors import CrmUnavailable, Refused, Stop, UnknownOutcome
from transforms.crm.limits.request_size import IMPORT, MAX_COMMANDS, Sizes

K = TypeVar("K")

PAGE = 50
# PHP drops what comes behind so many values of one command (its default is 1000).
_MOST_VALUES = 900


class Item(msgspec.Struct, frozen=True):
    """An item of ours as the portal holds it."""

    crm_id: int
    version: str
    fields: Fields


class Known(msgspec.Struct, frozen=True):
    """What a portal has: the ids of presets by ``XML_ID``, the names of our own fields there."""

    presets: dict[str, int]
    custom: dict[str, str]


class Portal:
    """Bitrix24 in our own words. What ``check`` finds is in ``known``, which may be an earlier one.

    ``given`` are fields that every new record of an entity type gets.
    """

    def __init__(
        self,
        client: CrmClient,
        given: Mapping[int, Fields] = MappingProxyType({}),
        known: Known | None = None,
    ) -> None:
        self._client, self.given, self.known = client, given, known
        self.refusals = Refusals()
        self.sizes = Sizes(client.limits)

    def stop(self) -> None:
        """Nobody who waits for the limits waits any longer."""
        self._client.limits.stop()

    def check(self) -> None:
        """Look whether the portal has the fields and presets that we need, unless that is known.

        Raises:
            ConfigurationError: naming all that is missing.
        """
        if self.known:
            return
        lacks: list[str] = []
        custom: dict[str, str] = {}
        for entity_type, names in mapping.ITEM_FIELDS.items():
            known = self._client.fields(entity_type)
            missing = sorted({*names, *self.given.get(entity_type, ())} - known.keys())
            if missing:
                lacks.append(
                    f"the portal's entity type {entity_type} has no field"
                    f" {', '.join(missing)}: it would silently drop it; check the portal's version"
                )
            if entity_type == mapping.COMPANY_TYPE:
                custom = names_in(known)
        presets = self._presets(lacks)
        if lacks:
            raise ConfigurationError("--crm: " + "; ".join(lacks))
        self.known = Known(presets, custom)

    @property
    def presets(self) -> dict[str, int]:
        """The ids of the requisite presets that we use, by ``XML_ID``."""
        return self.known.presets if self.known else {}

    @property
    def custom(self) -> dict[str, str]:
        """What the portal calls those of our own fields that it has."""
        return self.known.custom if self.known else {}

    def _presets(self, lacks: list[str]) -> dict[str, int]:
        answer = self._client.call(
            "crm.requisite.preset.list",
            {"filter": {"COUNTRY_ID": str(mapping.RUSSIA)}, "select": ["ID", "XML_ID"]},
            writes=False,
        )
        found = {str(preset.get("XML_ID")): int(preset["ID"]) for preset in answer["result"]}
        for needed in (mapping.ORGANISATION_PRESET, mapping.INDIVIDUAL_PRESET):
            if needed not in found:
                lacks.append(
                    f"the portal has no requisite preset {needed}: restore it in the CRM's"
                    " settings (requisites, Russia)"
                )
        return found

    def find_items(
        self, entity_type: int, keys: Sequence[str], select: Sequence[str]
    ) -> dict[str, Item]:
        """Items of ours by origin; of two with one origin the older."""
        # Half a page of keys leaves room for doubles.
        filters = [
            {"=originatorId": mapping.ORIGINATOR, "@originId": list(group)}
            for group in chunks(keys, PAGE // 2)
        ]
        found: dict[str, Item] = {}
        for item in self._items(entity_type, filters, select):
            found.setdefault(str(item.fields["originId"]), item)
        return found

    def items_by_id(
        self, entity_type: int, ids: Sequence[int], select: Sequence[str]
    ) -> dict[int, Item]:
        """Those of the items that are there."""
        filters = [{"@id": list(group)} for group in chunks(ids, PAGE)]
        # A page has room for all of its ids, so a full one hides nothing.
        pages = self._pages(entity_type, filters, select)
        return {item.crm_id: item for page in pages for item in page}

    def items_between(
        self, entity_type: int, ranges: Sequence[tuple[int, int | None]], select: Sequence[str]
    ) -> list[Item]:
        """The items with our mark in ranges of ids, each from behind its first one."""
        filters = [
            {"=originatorId": mapping.ORIGINATOR, ">id": after}
            | ({} if last is None else {"<=id": last})
            for after, last in ranges
        ]
        return self._items(entity_type, filters, select)

    def _items(
        self, entity_type: int, filters: Sequence[Fields], select: Sequence[str]
    ) -> list[Item]:
        """All that the filters find: a full page may hide more, so that one is read on."""
        found: list[Item] = []
        while filters:
            pages = self._pages(entity_type, filters, select)
            found += [item for page in pages for item in page]
            filters = [
                {**one, ">id": page[-1].crm_id}
                for one, page in zip(filters, pages, strict=True)
                if len(page) == PAGE
            ]
        return found

    def _pages(
        self, entity_type: int, filters: Sequence[Fields], select: Sequence[str]
    ) -> list[list[Item]]:
        asked = {
            "entityTypeId": entity_type,
            "select": ["id", "originId", "originVersion", *select],
            "order": {"id": "ASC"},
            "start": -1,
        }
        pages = self._lists([("crm.item.list", asked | {"filter": one}) for one in filters])
        return [
            [
                Item(int(one["id"]), str(one.get("originVersion") or ""), one)
                for one in page["items"]
            ]
            for page in pages
        ]

    def import_items(self, entity_type: int, items: Mapping[K, Fields]) -> dict[K, int | Refused]:
        """Create items without any automation: ids or refusals; the outcome of others is unknown.

        They go in one request where ``sizes`` have said so.
        """
        groups = list(chunks(list(items), self.sizes.items()))
        calls = {
            number: {"entityTypeId": entity_type, "data": [items[key] for key in keys]}
            for number, keys in enumerate(groups)
        }
        outcomes: Outcomes[int] = Outcomes()
        if any(_values_in(call) > _MOST_VALUES for call in calls.values()):
            for number, call in calls.items():
                self._write({number: (IMPORT, call)}, outcomes)
        else:
            self._write({number: (IMPORT, call) for number, call in calls.items()}, outcomes)
        found: dict[K, int | Refused] = {}
        for number, keys in enumerate(groups):
            if number in outcomes.done:
                told = list(as_map(outcomes.done[number].get("items")).values())
                if len(told) == len(keys):  # else it says nothing about any of them
                    found |= _imported(dict(zip(keys, told, strict=True)))
            elif number in outcomes.refused and len(keys) == 1:
                found[keys[0]] = outcomes.refused[number]
            elif number in outcomes.refused:  # for one record's sake: each is sent by itself
                for key in keys:
                    found |= self.import_items(entity_type, {key: items[key]})
        refused = [one for one in found.values() if isinstance(one, Refused)]
        self.refusals.note(IMPORT, len(found) - len(refused), refused)
        return found

    def multifields(self, entity_type: int, ids: Sequence[int]) -> Outcomes[int]:
        """Phones, e-mails and sites (``fm``) of the items as the portal holds them now.

        An item that a person has deleted is among the refused.
        """
        outcomes = self._read(
            {
                crm_id: ("crm.item.get", {"entityTypeId": entity_type, "id": crm_id})
                for crm_id in ids
            }
        )
        for crm_id, answer in outcomes.done.items():
            outcomes.done[crm_id] = answer["item"].get("fm") or []
        return outcomes

    def update_items(self, entity_type: int, changes: Mapping[int, Fields]) -> Outcomes[int]:
        """Change fields of items, by their ids."""
        return self.each(
            "crm.item.update",
            {
                crm_id: {"entityTypeId": entity_type, "id": crm_id, "fields": fields}
                for crm_id, fields in changes.items()
            },
        )

    def list_parts(self, method: str, field: str, values: Sequence[str | int]) -> list[Fields]:
        """All requisites or bank details whose ``field`` is one of ``values``.

        A full page may hide more rows: then those values are read page by page.
        """
        found: list[Fields] = []
        groups = list(chunks(values, PAGE // 2))
        pages = self._lists(
            [
                (method, {"filter": {f"@{field}": list(group)}, "order": {"ID": "ASC"}})
                for group in groups
            ]
        )
        for group, page in zip(groups, pages, strict=True):
            if len(page) < PAGE:
                found += page
            else:
                found += self._client.list_rows(method, ["*"], {f"@{field}": list(group)})
        return found

    def each(self, method: str, calls: Mapping[K, Fields]) -> Outcomes[K]:
        """One write call a record, up to 50 a request; what is in neither outcome is unknown."""
        outcomes: Outcomes[K] = Outcomes()
        left = list(calls)
        while left:
            count = self.sizes.commands(method, len(left))
            keys, left = left[:count], left[count:]
            self._write({key: (method, calls[key]) for key in keys}, outcomes)
            told = [outcomes.refused[key] for key in keys if key in outcomes.refused]
            # What the record's own history explains says nothing of the portal.
            refused = [one for one in told if not is_gone(one) and not is_there_already(one)]
            self.refusals.note(method, any(key in outcomes.done for key in keys), refused)
        return outcomes

    def _write(self, commands: Mapping[K, Command], outcomes: Outcomes[K]) -> None:
        try:
            if len(commands) == 1:
                for key, (method, params) in commands.items():
                    outcomes.done[key] = self._client.call(method, params, writes=True)["result"]
                return
            answer = self._batch(commands, outcomes, writes=True)
        except UnknownOutcome:
            return
        except Refused as error:
            if len(commands) == 1:
                outcomes.refused |= dict.fromkeys(commands, error)
            else:  # for one record's sake: each is sent by itself
                for key, command in commands.items():
                    self._write({key: command}, outcomes)
            return
        if answer.fatal:
            raise answer.fatal

    def _read(self, commands: Mapping[K, Command]) -> Outcomes[K]:
        outcomes: Outcomes[K] = Outcomes()
        for keys in chunks(list(commands), MAX_COMMANDS):
            answer = self._batch({key: commands[key] for key in keys}, outcomes, writes=False)
            for error in answer.errors.values():
                if not isinstance(error, Refused):
                    raise error if error.fatal else CrmUnavailable(str(error), error.code)
        return outcomes

    def _batch(
        self, commands: Mapping[K, Command], outcomes: Outcomes[K], writes: bool
    ) -> BatchAnswer:
        names = {f"c{number:04}": key for number, key in enumerate(commands)}
        answer = self._client.batch(
            {name: commands[key] for name, key in names.items()}, writes=writes
        )
        outcomes.done |= {names[name]: result for name, result in answer.results.items()}
        outcomes.refused |= {
            names[name]: error
            for name, error in answer.errors.items()
            if isinstance(error, Refused)
        }
        return answer

    def _lists(self, commands: Sequence[Command]) -> list[Any]:
        """The pages of list calls, which a portal that works never refuses."""
        outcomes = self._read(dict(enumerate(commands)))
        for error in outcomes.refused.values():
            raise Stop(f"{error} Without looking there nothing can be loaded.", error.code)
        return [outcomes.done[number] for number in range(len(commands))]


def _values_in(value: Any) -> int:
    """How many values a command has when it is written as a query."""
    if isinstance(value, Mapping | list):
        children = value.values() if isinstance(value, Mapping) else value
        return sum(map(_values_in, children))
    return 1


def _imported(told: Mapping[K, Mapping[str, Any]]) -> dict[K, int | Refused]:
    """Ids and refusals; of an item that neither came in nor is refused nothing is known."""
    found: dict[K, int | Refused] = {}
    for key, outcome in told.items():
        if "item" in outcome:
            found[key] = int(outcome["item"]["id"])
            continue
        error = error_of(IMPORT, 0, outcome)
        if error.fatal:
            raise error
        if isinstance(error, Refused):
            found[key] = error
    return found
