"""Which companies a contact belongs to: ``crm.contact.company.*``."""

from sandbox.bitrix24 import php
from sandbox.bitrix24.answers import Answer, refuse
from sandbox.bitrix24.tables.state import State
from sandbox.bitrix24.tables.table import Row


class Links:
    """The methods ``crm.contact.company.*`` of one portal."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, params: Row) -> Answer:
        """Links one more company; False when it is linked already."""
        contact, company_id = self._contact(params), _company_id(params)
        if company_id in contact["companyIds"]:
            return Answer(result=False)
        self._save("crm.contact.company.add", contact, [*contact["companyIds"], company_id])
        return Answer(result=True)

    def delete(self, params: Row) -> Answer:
        """Unlinks one company; False when it was not linked."""
        contact, company_id = self._contact(params), _company_id(params)
        if company_id not in contact["companyIds"]:
            return Answer(result=False)
        left = [one for one in contact["companyIds"] if one != company_id]
        self._save("crm.contact.company.delete", contact, left)
        return Answer(result=True)

    def get_items(self, params: Row) -> Answer:
        """The linked companies; the first is the primary one."""
        ids = self._contact(params)["companyIds"]
        return Answer(
            [
                {"COMPANY_ID": one, "SORT": 10 + 10 * n, "ROLE_ID": 0, "IS_PRIMARY": "NY"[n == 0]}
                for n, one in enumerate(ids)
            ]
        )

    def set_items(self, params: Row) -> Answer:
        """Puts these links in the place of all that were there."""
        contact, given = self._contact(params), {key.upper(): v for key, v in params.items()}
        wanted = [php.to_int(dict(php.items(one)).get("COMPANY_ID")) for one in
                  php.values(given.get("ITEMS"))]  # fmt: skip
        self._save("crm.contact.company.items.set", contact, wanted)
        return Answer(result=True)

    def _contact(self, params: Row) -> Row:
        contact_id = php.to_int({key.upper(): v for key, v in params.items()}.get("ID"))
        if contact_id <= 0:
            refuse("The parameter 'ownerEntityID' is invalid or not defined.")
        contact = self._state.tables["contacts"].get(contact_id)
        if contact is None:
            refuse("Not found")
        return {**contact, "companyIds": contact["companyIds"] or []}

    def _save(self, method: str, contact: Row, wanted: list[int]) -> None:
        """Stores the links to companies that exist; others are dropped without a word."""
        stats, ids = self._state.stats, list(dict.fromkeys(wanted))
        known = [one for one in ids if one in self._state.tables["companies"]]
        stats.blame("bad_links", len(ids) - len(known))
        stats.blame("links_wiped", len(set(contact["companyIds"]) - set(known)))
        primary = next(iter(known), None)
        self._state.tables["contacts"].replace(
            {**contact, "companyIds": known, "companyId": primary}
        )
        stats.wrote(method)


def _company_id(params: Row) -> int:
    fields = {key.upper(): v for key, v in params.items()}.get("FIELDS")
    company_id = php.to_int(dict(php.items(fields)).get("COMPANY_ID"))
    if company_id <= 0:
        refuse("The parameter 'fields' is not valid.")
    return company_id
