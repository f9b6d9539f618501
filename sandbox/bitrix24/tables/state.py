"""The whole content of a portal, and the changes that a person makes at its screen."""

import random
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec

from sandbox.bitrix24.limits import Clock
from sandbox.bitrix24.stats import Stats
from sandbox.bitrix24.tables import fields
from sandbox.bitrix24.tables.fields import Field
from sandbox.bitrix24.tables.table import Row, Table

CONTACT, COMPANY, REQUISITE = 3, 4, 8
KINDS: Mapping[int, str] = {CONTACT: "contacts", COMPANY: "companies"}
_INDEXED = {
    "companies": ("originId",),
    "contacts": ("originId", "companyIds"),
    "requisites": ("ENTITY_ID", "XML_ID", "RQ_INN"),
    "bank_details": ("ENTITY_ID", "XML_ID"),
    "addresses": ("ENTITY_ID",),
}
# A portal has more templates than the contract's two, and a copy may have any of their names.
_PRESETS = (
    ("1", "Организация", "#CRM_REQUISITE_PRESET_DEF_RU_COMPANY#"),
    ("6", "ТОО", "#CRM_REQUISITE_PRESET_DEF_KZ_COMPANY#"),
    ("1", "Организация", None),
    ("1", "ИП", "#CRM_REQUISITE_PRESET_DEF_RU_INDIVIDUAL#"),
    ("1", "Физ. лицо", "#CRM_REQUISITE_PRESET_DEF_RU_PERSON#"),
)
_MOSCOW = timezone(timedelta(hours=3))


class State:
    """Tables ``companies``, ``contacts``, ``requisites``, ``bank_details``, ``addresses``.

    Readers and writers hold ``lock``. Ids of requisites, bank details, templates and phones begin
    at different numbers, so that an id of one table is not valid in another.
    """

    def __init__(self, clock: Clock, seed: int = 0, custom_fields: Iterable[str] = ()) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        custom = tuple(custom_fields)
        self.fields: dict[str, dict[str, Field]] = {
            "companies": fields.item_fields("companies", custom),
            "contacts": fields.item_fields("contacts", custom),
            "requisites": fields.REQUISITE,
            "bank_details": fields.BANK_DETAIL,
            "addresses": fields.ADDRESS,
        }
        self._seed = seed
        self.user_fields: list[Row] = []
        # A user is active until somebody dismisses him.
        self.users = dict.fromkeys(range(1, 21), True)
        self.clear()

    def clear(self) -> None:
        """Empties the portal and resets its counters."""
        self.stats = Stats()
        chance = random.Random(self._seed)
        first = {"requisites": chance.randrange(20, 90), "bank_details": chance.randrange(100, 300)}
        self.tables = {
            kind: Table(
                [n for n in specs if n not in ("id", "ID")], _INDEXED[kind], first.get(kind, 1)
            )
            for kind, specs in self.fields.items()
        }
        self._next_value_id = chance.randrange(400, 900)
        preset_id = chance.randrange(2, 30)
        self.presets = [
            {"ID": str(preset_id + 2 * i), "ENTITY_TYPE_ID": "8", "COUNTRY_ID": country,
             "NAME": name, "XML_ID": xml_id, "ACTIVE": "Y", "SORT": "500"}
            for i, (country, name, xml_id) in enumerate(_PRESETS)
        ]  # fmt: skip

    def add_field(
        self, kind: str, upper: str, field_type: str, multiple: bool, options: Sequence[str] = ()
    ) -> int:
        """Gives ``companies`` or ``contacts`` a custom field, empty in all records; returns its id.

        The values of a list get ids of their own.
        """
        with self.lock:
            first = 40 + 2 * sum(len(row["field"].options) for row in self.user_fields)
            numbered = tuple((first + 2 * number, text) for number, text in enumerate(options))
            name = fields.item_name(upper)
            field = Field(name, field_type, multiple=multiple, upper=upper, options=numbered)
            self.fields[kind][name] = field
            self.tables[kind].add_field(name)
            field_id = 1 + len(self.user_fields)
            self.user_fields.append({"id": field_id, "kind": kind, "field": field})
            return field_id

    def timestamp(self) -> str:
        """Returns the portal's time in the format of its records."""
        return datetime.fromtimestamp(self.clock.now(), _MOSCOW).isoformat(timespec="seconds")

    def value_id(self) -> int:
        """Returns the next id of a phone, e-mail or site."""
        self._next_value_id += 1
        return self._next_value_id

    def get(self, kind: str, row_id: int) -> Row | None:
        """Returns one record, or None."""
        with self.lock:
            return self.tables[kind].get(row_id)

    def find(self, kind: str, name: str, value: Any) -> list[Row]:
        """Returns the records whose indexed field has this value."""
        with self.lock:
            table = self.tables[kind]
            return list(table.rows(table.find(name, value)))

    def rows(self, kind: str, after: int = 0) -> Iterator[Row]:
        """Yields the records with ids above ``after``, ascending; others may write meanwhile."""
        with self.lock:
            ids = self.tables[kind].ids(after)
        for row_id in ids:
            row = self.get(kind, row_id)
            if row is not None:
                yield row

    def add(self, kind: str, values: Mapping[str, Any]) -> int:
        """Creates a record as a person does; returns its id."""
        with self.lock:
            row = {"assignedById": 1, "createdTime": self.timestamp()}
            return self.tables[kind].add(row | self._complete(values))

    def edit(self, kind: str, row_id: int, values: Mapping[str, Any]) -> None:
        """Changes fields of a record as a person does; replaces ``fm`` as a whole."""
        with self.lock:
            row = self.tables[kind].get(row_id)
            if row is None:
                raise KeyError(f"{kind} has no {row_id}")
            self.tables[kind].replace(row | self._complete(values))

    def _complete(self, values: Mapping[str, Any]) -> Row:
        """Adds the values that follow from a person's entries."""
        row = dict(values)
        if "fm" in row:
            row["fm"] = [{"id": self.value_id(), **value} for value in row["fm"]]
        if "companyIds" in row:
            row["companyId"] = next(iter(row["companyIds"]), None)
        return row

    def delete(self, kind: str, row_id: int) -> None:
        """Deletes a record and its dependent records, for a person or ``*.delete``."""
        with self.lock:
            entity_type = {"contacts": CONTACT, "companies": COMPANY, "requisites": REQUISITE}
            for table in ("requisites", "bank_details", "addresses"):
                for row in self.find(table, "ENTITY_ID", row_id):
                    if row["ENTITY_TYPE_ID"] == entity_type.get(kind):
                        self.delete(table, row["id"])
            if kind == "companies":
                self._unlink_company(row_id)
            self.tables[kind].delete(row_id)

    def _unlink_company(self, company_id: int) -> None:
        for contact in self.find("contacts", "companyIds", company_id):
            ids = [linked for linked in contact["companyIds"] if linked != company_id]
            self.tables["contacts"].replace(
                {**contact, "companyIds": ids, "companyId": next(iter(ids), None)}
            )

    def duplicates(self, kind: str) -> dict[str, list[int]]:
        """Returns origins that several companies or contacts share, with their ids."""
        with self.lock:
            return dict(self.tables[kind].shared_values("originId"))

    def dump(self) -> Iterator[bytes]:
        """Yields the whole portal as one JSON object, in pieces."""
        with self.lock:
            ids = {kind: table.next_id for kind, table in self.tables.items()}
            head = {
                "next_ids": ids,
                "next_value_id": self._next_value_id,
                "presets": self.presets,
                "user_fields": [
                    [row["kind"], row["field"].upper, row["field"].type, row["field"].multiple,
                     [text for _, text in row["field"].options]]
                    for row in self.user_fields
                ],
            }  # fmt: skip
        yield msgspec.json.encode(head)[:-1]
        for kind in self.tables:
            yield f',"{kind}":['.encode()
            for number, row in enumerate(self.rows(kind)):
                yield (b"," if number else b"") + msgspec.json.encode(row)
            yield b"]"
        yield b"}"

    def load(self, dumped: bytes) -> None:
        """Restores the output of ``dump``."""
        data = msgspec.json.decode(dumped)
        with self.lock:
            self.clear()
            self.presets, self._next_value_id = data["presets"], data["next_value_id"]
            for kind, upper, field_type, multiple, options in data.get("user_fields", ()):
                if fields.item_name(upper) not in self.fields[kind]:
                    self.add_field(kind, upper, field_type, multiple, options)
            for kind, table in self.tables.items():
                for row in data[kind]:
                    table.restore(row["id"], row)
                table.next_id = data["next_ids"][kind]
