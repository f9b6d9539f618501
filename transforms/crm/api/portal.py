"""The portal as a load sees it: its metadata, its items and their parts, a sink for writes."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from transforms.core.chunks import chunks
from transforms.core.errors import ConfigurationError
from transforms.core.records import COMPANY, CONTACT
from transforms.crm.api import mapping
from transforms.crm.api.batch import Command
from transforms.crm.api.client import CrmClient
from transforms.crm.api.commands import read_commands
from transforms.crm.api.custom_fields import our_fields
from transforms.crm.api.outcomes import Fields, Outcomes
from transforms.crm.api.portal_fields import Description, PortalField, resolve_fields
from transforms.crm.api.write_sink import PortalSink, WriteSink
from transforms.crm.card_settings import NO_SETTINGS, CardSettings
from transforms.crm.errors import Stop
from transforms.crm.responsible import user_problems

PAGE = 50


class Item(msgspec.Struct, frozen=True):
    """An item as the portal holds it; ``version`` is the golden version that we sent last."""

    crm_id: int
    version: str
    fields: Fields


class PortalMetadata(msgspec.Struct, frozen=True):
    """A portal's settings: its presets' ids by ``XML_ID``, its own fields that cards show."""

    presets: dict[str, int]
    company_fields: tuple[PortalField, ...] = ()
    contact_fields: tuple[PortalField, ...] = ()


class Portal:
    """A Bitrix24 portal in our own terms.

    ``defaults`` are fields that every new record of an entity type gets. ``metadata`` may come from
    an earlier ``check``. Writes go through ``sink``: to the portal, unless it is a recording one.
    ``cards`` says what cards show beside the fields that every portal has.
    """

    def __init__(
        self,
        client: CrmClient,
        defaults: Mapping[int, Fields] = MappingProxyType({}),
        metadata: PortalMetadata | None = None,
        sink: WriteSink | None = None,
        cards: CardSettings = NO_SETTINGS,
    ) -> None:
        self.client, self.defaults, self.metadata = client, defaults, metadata
        self.sink: WriteSink = sink or PortalSink(client)
        self.cards = cards

    def stop(self) -> None:
        """Wake every thread that waits for the limits: none of them gets its turn any more."""
        self.client.limits.stop()

    def check(self) -> None:
        """Read the metadata, unless known, and check that it has all fields and presets we need.

        Raises:
            ConfigurationError: naming all that is missing.
        """
        if self.metadata:
            return
        problems: list[str] = []
        fields: dict[str, tuple[PortalField, ...]] = {}
        for kind, entity_type in mapping.ENTITY_TYPES.items():
            description = self.client.fields(entity_type)
            problems += self._missing_fields(entity_type, description)
            fields[kind], field_problems = self._card_fields(kind, description)
            problems += field_problems
        problems += user_problems(self.client, self.cards)
        presets = self._read_presets()
        problems += _missing_presets(presets)
        if problems:
            raise ConfigurationError("--crm: " + "; ".join(problems))
        self.metadata = PortalMetadata(presets, fields[COMPANY], fields[CONTACT])

    def _card_fields(
        self, kind: str, description: Description
    ) -> tuple[tuple[PortalField, ...], list[str]]:
        """The portal's own fields that cards of a kind show, and what is wrong with them."""
        managed_names = mapping.ITEM_FIELDS[mapping.ENTITY_TYPES[kind]]
        rules = self.cards.fields_of(kind)
        fields, problems = resolve_fields(kind, rules, description, managed_names)
        if kind == COMPANY:
            fields += our_fields(description, [field.name for field in fields])
        return tuple(fields), problems

    def _missing_fields(self, entity_type: int, portal_fields: Mapping[str, Any]) -> list[str]:
        needed = {*mapping.ITEM_FIELDS[entity_type], *self.defaults.get(entity_type, ())}
        missing = sorted(needed - portal_fields.keys())
        if not missing:
            return []
        return [
            f"the portal's entity type {entity_type} has no field {', '.join(missing)}:"
            " it would silently drop it; check the portal's version"
        ]

    def _read_presets(self) -> dict[str, int]:
        answer = self.client.call(
            "crm.requisite.preset.list",
            {"filter": {"COUNTRY_ID": str(mapping.RUSSIA)}, "select": ["ID", "XML_ID"]},
            writes=False,
        )
        return {str(preset.get("XML_ID")): int(preset["ID"]) for preset in answer["result"]}

    @property
    def presets(self) -> dict[str, int]:
        """The ids of the portal's requisite presets, by ``XML_ID``."""
        return self.metadata.presets if self.metadata else {}

    def fields_of(self, kind: str) -> tuple[PortalField, ...]:
        """The portal's own fields that cards of this kind show."""
        if self.metadata is None:
            return ()
        fields: dict[str, tuple[PortalField, ...]] = {
            COMPANY: self.metadata.company_fields,
            CONTACT: self.metadata.contact_fields,
        }
        return fields.get(kind, ())

    def find_items(
        self, entity_type: int, keys: Sequence[str], select: Sequence[str]
    ) -> dict[str, Item]:
        """Items with our mark, by origin; of two with the same origin the older."""
        # Half a page of keys leaves room for doubles.
        filters = [
            {"=originatorId": mapping.ORIGINATOR, "@originId": list(group)}
            for group in chunks(keys, PAGE // 2)
        ]
        items: dict[str, Item] = {}
        for item in self._list_items(entity_type, filters, select):
            items.setdefault(str(item.fields["originId"]), item)
        return items

    def items_by_id(
        self, entity_type: int, ids: Sequence[int], select: Sequence[str]
    ) -> dict[int, Item]:
        """The items with these ids, as far as they exist."""
        filters = [{"@id": list(group)} for group in chunks(ids, PAGE)]
        # A page has room for all of its ids, so a full page hides nothing.
        pages = self._item_pages(entity_type, filters, select)
        return {item.crm_id: item for page in pages for item in page}

    def items_between(
        self, entity_type: int, ranges: Sequence[tuple[int, int | None]], select: Sequence[str]
    ) -> list[Item]:
        """The items with our mark in ranges of ids: after the first one, up to the last one."""
        filters = [
            {"=originatorId": mapping.ORIGINATOR, ">id": after}
            | ({} if last is None else {"<=id": last})
            for after, last in ranges
        ]
        return self._list_items(entity_type, filters, select)

    def _list_items(
        self, entity_type: int, filters: Sequence[Fields], select: Sequence[str]
    ) -> list[Item]:
        """All items that the filters match: a full page may hide more, so it is continued."""
        items: list[Item] = []
        while filters:
            pages = self._item_pages(entity_type, filters, select)
            items += [item for page in pages for item in page]
            filters = [
                {**conditions, ">id": page[-1].crm_id}
                for conditions, page in zip(filters, pages, strict=True)
                if len(page) == PAGE
            ]
        return items

    def _item_pages(
        self, entity_type: int, filters: Sequence[Fields], select: Sequence[str]
    ) -> list[list[Item]]:
        params = {
            "entityTypeId": entity_type,
            "select": ["id", "originId", "originVersion", *select],
            "order": {"id": "ASC"},
            "start": -1,
        }
        pages = self._list_pages(
            [("crm.item.list", params | {"filter": conditions}) for conditions in filters]
        )
        return [
            [
                Item(int(fields["id"]), str(fields.get("originVersion") or ""), fields)
                for fields in page["items"]
            ]
            for page in pages
        ]

    def multifields(self, entity_type: int, ids: Sequence[int]) -> Outcomes[int]:
        """Phones, e-mails and sites (``fm``) of the items as the portal holds them now.

        An item that a person has deleted is among the refused.
        """
        outcomes = read_commands(
            self.client,
            {
                crm_id: ("crm.item.get", {"entityTypeId": entity_type, "id": crm_id})
                for crm_id in ids
            },
        )
        for crm_id, answer in outcomes.done.items():
            outcomes.done[crm_id] = answer["item"].get("fm") or []
        return outcomes

    def list_parts(self, method: str, field: str, values: Sequence[str | int]) -> list[Fields]:
        """All requisites or bank details whose ``field`` is one of ``values``.

        A full page may hide more rows: then those values are read page by page.
        """
        parts: list[Fields] = []
        groups = list(chunks(values, PAGE // 2))
        pages = self._list_pages(
            [
                (method, {"filter": {f"@{field}": list(group)}, "order": {"ID": "ASC"}})
                for group in groups
            ]
        )
        for group, page in zip(groups, pages, strict=True):
            if len(page) < PAGE:
                parts += page
            else:
                parts += self.client.list_rows(method, ["*"], {f"@{field}": list(group)})
        return parts

    def _list_pages(self, commands: Sequence[Command]) -> list[Any]:
        """The pages of list calls, which a working portal never refuses."""
        outcomes = read_commands(self.client, dict(enumerate(commands)))
        for error in outcomes.refused.values():
            raise Stop(f"{error} Without looking there nothing can be loaded.", error.code)
        return [outcomes.done[number] for number in range(len(commands))]


def _missing_presets(presets: Mapping[str, int]) -> list[str]:
    return [
        f"the portal has no requisite preset {name}: restore it in the CRM's settings"
        " (requisites, Russia)"
        for name in (mapping.ORGANISATION_PRESET, mapping.INDIVIDUAL_PRESET)
        if name not in presets
    ]
