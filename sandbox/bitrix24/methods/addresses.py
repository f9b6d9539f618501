"""Addresses: ``crm.address.*``; a requisite has at most one of each type."""

from sandbox.bitrix24.answers import Answer, refuse
from sandbox.bitrix24.methods.requisites import cast, check_requisite, page, save
from sandbox.bitrix24.tables.state import REQUISITE, State
from sandbox.bitrix24.tables.table import Row

# Actual, home, legal, registered, beneficiary's, delivery.
TYPES = (1, 4, 6, 8, 9, 11)
_KEY = ("TYPE_ID", "ENTITY_TYPE_ID", "ENTITY_ID")


class Addresses:
    """The methods ``crm.address.*`` of one portal."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, params: Row) -> Answer:
        """Creates an address; refuses a second one with the same key."""
        address = cast(self._state, "addresses", params, creating=True)
        if self._find(address) is not None:
            refuse("TypeAddress exists.")
        owner = self._state.get("requisites", address["ENTITY_ID"]) or {}
        anchor = {"ANCHOR_TYPE_ID": owner["ENTITY_TYPE_ID"], "ANCHOR_ID": owner["ENTITY_ID"]}
        self._state.tables["addresses"].add(address | anchor)
        self._state.stats.wrote("crm.address.add")
        return Answer(result=True)

    def update(self, params: Row) -> Answer:
        """Changes the address with this key."""
        changes = cast(self._state, "addresses", params, creating=True)
        row = self._find(changes)
        if row is None:
            refuse("TypeAddress not found.")
        save(self._state, "addresses", "crm.address.update", row, changes)
        return Answer(result=True)

    def page(self, params: Row) -> Answer:
        """Returns a page of addresses."""
        return page(self._state, "addresses", params)

    def _find(self, address: Row) -> Row | None:
        if address.get("TYPE_ID") not in TYPES:
            refuse("TYPE_ID is not defined or invalid.")
        if address.get("ENTITY_TYPE_ID") != REQUISITE:
            refuse("ENTITY_TYPE_ID is not defined or invalid.")
        check_requisite(self._state, address.get("ENTITY_ID"))
        rows = self._state.find("addresses", "ENTITY_ID", address["ENTITY_ID"])
        return next((row for row in rows if all(row[n] == address[n] for n in _KEY)), None)
