"""Companies that people made in the CRM before us: found by the TIN of their requisite."""

from collections.abc import Sequence

from transforms.crm.api import mapping
from transforms.crm.api.portal import Item, Portal
from transforms.crm.loading.existing_parts import is_of_company


def adopt_companies(portal: Portal, tins: Sequence[str], select: Sequence[str]) -> dict[str, Item]:
    """The portal's companies with these TINs: the oldest of several, never the portal's own firm.

    ``select`` names the fields to read of each.
    """
    ids_by_tin: dict[str, list[int]] = {}
    for requisite in portal.list_parts("crm.requisite.list", "RQ_INN", tins):
        if is_of_company(requisite):
            ids_by_tin.setdefault(str(requisite["RQ_INN"]), []).append(int(requisite["ENTITY_ID"]))
    all_ids = sorted({crm_id for ids in ids_by_tin.values() for crm_id in ids})
    items = portal.items_by_id(mapping.COMPANY_TYPE, all_ids, [*select, "isMyCompany"])
    adopted: dict[str, Item] = {}
    for tin, ids in ids_by_tin.items():
        customer_ids = sorted(crm_id for crm_id in ids if _is_customer(items.get(crm_id), tin))
        if customer_ids:
            adopted[tin] = items[customer_ids[0]]
    return adopted


def _is_customer(item: Item | None, tin: str) -> bool:
    if item is None or item.fields.get("isMyCompany") == "Y":
        return False
    # An item of ours under another TIN is that other company, whatever its requisite says.
    is_ours = item.fields.get("originatorId") == mapping.ORIGINATOR
    return not is_ours or item.fields.get("originId") == tin
