"""What we ask of a portal, many records a call: found, created, updated, or refused with a reason."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from transforms.crm import mapping
from transforms.crm.client import CrmClient
from transforms.crm.errors import Refused, UnknownOutcome
from transforms.errors import ConfigurationError
from transforms.ledger.database import chunks

K = TypeVar("K")
Fields = dict[str, Any]

BATCH = 50
IMPORT = 20
PAGE = 50


class Item(msgspec.Struct, frozen=True):
    """An item of ours as the portal holds it."""

    crm_id: int
    version: str
    fields: Fields


class Portal:
    """Bitrix24 in our own words. ``presets`` is known after ``check``."""

    def __init__(self, client: CrmClient) -> None:
        self._client = client
        self.presets: dict[str, int] = {}

    def check(self) -> None:
        """Look whether the portal has the fields and presets that we need.

        Raises:
            ConfigurationError: naming what is missing.
        """
        for entity_type, names in mapping.ITEM_FIELDS.items():
            known = self._client.fields(entity_type)
            missing = sorted(set(names) - known.keys())
            if missing:
                raise ConfigurationError(
                    f"--crm: the portal's entity type {entity_type} has no field"
                    f" {', '.join(missing)}: it would silently drop it; check the portal's version"
                )
        self.presets = self._presets()

    def _presets(self) -> dict[str, int]:
        answer = self._client.call(
            "crm.requisite.preset.list",
            {"filter": {"COUNTRY_ID": str(mapping.RUSSIA)}, "select": ["ID", "XML_ID"]},
            writes=False,
        )
        found = {str(preset.get("XML_ID")): int(preset["ID"]) for preset in answer["result"]}
        for needed in (mapping.ORGANISATION_PRESET, mapping.INDIVIDUAL_PRESET):
            if needed not in found:
                raise ConfigurationError(
                    f"--crm: the portal has no requisite preset {needed}: restore it in the CRM's"
                    " settings (requisites, Russia)"
                )
        return found

    def find_items(
        self, entity_type: int, keys: Sequence[str], select: Sequence[str]
    ) -> dict[str, Item]:
        """Items of ours by origin; of two with one origin the older."""
        commands = {
            f"c{number}": (
                "crm.item.list",
                {
                    "entityTypeId": entity_type,
                    "select": ["id", "originId", "originVersion", *select],
                    "filter": {"=originatorId": mapping.ORIGINATOR, "@originId": list(chunk)},
                    "order": {"id": "ASC"},
                    "start": -1,
                },
            )
            # Half a page of keys leaves room for doubles.
            for number, chunk in enumerate(chunks(keys, PAGE // 2))
        }
        found: dict[str, Item] = {}
        for answer in self._read(commands):
            for item in answer["items"]:
                found.setdefault(
                    str(item["originId"]),
                    Item(int(item["id"]), str(item.get("originVersion") or ""), item),
                )
        return found

    def import_items(self, entity_type: int, items: Sequence[Fields]) -> list[int | Refused]:
        """Create up to 20 items without any automation; their ids or refusals, in order.

        Raises:
            UnknownOutcome: when nobody knows whether they were created.
        """
        answer = self._client.call(
            "crm.item.batchImport", {"entityTypeId": entity_type, "data": list(items)}, writes=True
        )
        outcomes = answer["result"]["items"]
        if len(outcomes) != len(items):
            raise UnknownOutcome("the portal answered for another number of records")
        return [_imported(outcome) for outcome in outcomes]

    def multifields(self, entity_type: int, ids: Sequence[int]) -> dict[int, list[Fields]]:
        """Phones, e-mails and sites of the items as the portal holds them now."""
        commands = {
            f"c{crm_id}": ("crm.item.get", {"entityTypeId": entity_type, "id": crm_id})
            for crm_id in ids
        }
        answers = self._read(commands)
        return {int(one["item"]["id"]): one["item"].get("fm") or [] for one in answers}

    def update_items(self, entity_type: int, changes: Mapping[int, Fields]) -> "Outcomes[int]":
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

        A full page may hide more rows: then its values are asked for in smaller groups.
        """
        found: list[Fields] = []
        groups = list(chunks(values, PAGE // 2))
        while groups:
            commands = {
                f"c{number}": (
                    method,
                    {"filter": {f"@{field}": list(group)}, "order": {"ID": "ASC"}},
                )
                for number, group in enumerate(groups)
            }
            pages = self._read(commands)
            full = [
                group
                for group, page in zip(groups, pages, strict=True)
                if len(page) >= PAGE and len(group) > 1
            ]
            found += (
                row
                for page, group in zip(pages, groups, strict=True)
                if group not in full
                for row in page
            )
            groups = [half for group in full for half in chunks(group, (len(group) + 1) // 2)]
        return found

    def each(self, method: str, calls: Mapping[K, Fields]) -> "Outcomes[K]":
        """One write call a record, up to 50 a request; what is in neither outcome is unknown."""
        outcomes: Outcomes[K] = Outcomes()
        for keys in chunks(list(calls), BATCH):
            names = {f"c{number:04}": key for number, key in enumerate(keys)}
            commands = {name: (method, calls[key]) for name, key in names.items()}
            answer = self._client.batch(commands, writes=True)
            for name, key in names.items():
                error = answer.errors.get(name)
                if error is None:
                    outcomes.done[key] = answer.results[name]
                elif isinstance(error, Refused):
                    outcomes.refused[key] = error
            if answer.fatal:
                raise answer.fatal
        return outcomes

    def _read(self, commands: Mapping[str, tuple[str, Fields]]) -> list[Any]:
        answers: list[Any] = []
        for names in chunks(list(commands), BATCH):
            answer = self._client.batch({name: commands[name] for name in names}, writes=False)
            for error in answer.errors.values():
                raise error
            answers += (answer.results[name] for name in names)
        return answers


class Outcomes(Generic[K]):
    """What came of many calls: the result of each, or why it was refused.

    A call in neither was sent, but nobody knows whether it was executed.
    """

    def __init__(self) -> None:
        self.done: dict[K, Any] = {}
        self.refused: dict[K, Refused] = {}

    def known(self) -> set[K]:
        """The calls whose outcome is known."""
        return self.done.keys() | self.refused.keys()

    def ids(self) -> dict[K, int | Refused]:
        """For each call the id that it gave, or its refusal."""
        return {key: int(result) for key, result in self.done.items()} | self.refused


def _imported(outcome: Mapping[str, Any]) -> int | Refused:
    if "item" in outcome:
        return int(outcome["item"]["id"])
    code, description = (str(outcome.get(name) or "") for name in ("error", "error_description"))
    return Refused("The CRM refuses the record.", code, description)
