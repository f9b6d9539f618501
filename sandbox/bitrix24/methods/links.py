"""Links between contacts and companies: ``crm.contact.company.*``."""

from sandbox.bitrix24 import php
from sandbox.bitrix24.answers import Answer, refuse
from sandbox.bitrix24.tables.state import State
from sandbox.bitrix24.tables.table import Row


class Links:
    """The methods ``crm.contact.company.*`` of one portal."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add(self, params: Row) -> Answer:
        """Links a company; answers False when it is already linked."""
        contact, company_id = self._contact(params), _company_id(params)
        if company_id in contact["companyIds"]:
            return Answer(result=False)
        self._save("crm.contact.company.add", contact, [*contact["companyIds"], company_id])
        return Answer(result=True)

    def delete(self, params: Row) -> Answer:
        """Unlinks a company; answers False when it is not linked."""
        contact, company_id = self._contact(params), _company_id(params)
        if company_id not in contact["companyIds"]:
            return Answer(result=False)
        remaining_ids = [linked for linked in contact["companyIds"] if linked != company_id]
        self._save("crm.contact.company.delete", contact, remaining_ids)
        return Answer(result=True)

    def get_items(self, params: Row) -> Answer:
        """Returns the linked companies; the first is the primary one."""
        ids = self._contact(params)["companyIds"]
        return Answer(
            [
                {
                    "COMPANY_ID": company_id,
                    "SORT": 10 + 10 * position,
                    "ROLE_ID": 0,
                    "IS_PRIMARY": "N" if position else "Y",
                }
                for position, company_id in enumerate(ids)
            ]
        )

    def set_items(self, params: Row) -> Answer:
        """Replaces all links by these."""
        contact = self._contact(params)
        items = php.values({key.upper(): value for key, value in params.items()}.get("ITEMS"))
        company_ids = [php.to_int(dict(php.items(item)).get("COMPANY_ID")) for item in items]
        self._save("crm.contact.company.items.set", contact, company_ids)
        return Answer(result=True)

    def _contact(self, params: Row) -> Row:
        contact_id = php.to_int({key.upper(): v for key, v in params.items()}.get("ID"))
        if contact_id <= 0:
            refuse("The parameter 'ownerEntityID' is invalid or not defined.")
        contact = self._state.tables["contacts"].get(contact_id)
        if contact is None:
            refuse("Not found")
        return {**contact, "companyIds": contact["companyIds"] or []}

    def _save(self, method: str, contact: Row, company_ids: list[int]) -> None:
        links = linked_companies(self._state, company_ids, contact["companyIds"])
        self._state.tables["contacts"].replace(contact | links)
        self._state.stats.wrote(method)


def linked_companies(state: State, company_ids: list[int], previous_ids: list[int]) -> Row:
    """Returns a contact's ``companyIds`` and primary ``companyId`` for these links.

    Drops companies that do not exist silently, and counts them and removed links as violations.
    """
    ids = list(dict.fromkeys(company_ids))
    existing_ids = [company for company in ids if company in state.tables["companies"]]
    state.stats.blame("bad_links", len(ids) - len(existing_ids))
    state.stats.blame("links_wiped", len(set(previous_ids) - set(existing_ids)))
    return {"companyIds": existing_ids, "companyId": next(iter(existing_ids), None)}


def _company_id(params: Row) -> int:
    fields = {key.upper(): v for key, v in params.items()}.get("FIELDS")
    company_id = php.to_int(dict(php.items(fields)).get("COMPANY_ID"))
    if company_id <= 0:
        refuse("The parameter 'fields' is not valid.")
    return company_id
