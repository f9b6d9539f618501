"""Companies that people had made before us: found by the TIN of their requisite."""

from collections.abc import Sequence

from transforms.crm.api import mapping
from transforms.crm.api.portal import Item, Portal
from transforms.crm.loading.requisites import is_of_company


def adopt_companies(portal: Portal, tins: Sequence[str], select: Sequence[str]) -> dict[str, Item]:
    """The portal's companies with these TINs: of several the oldest, never one of its own firms.

    ``select`` are the fields to read of each.
    """
    owners: dict[str, list[int]] = {}
    for requisite in portal.list_parts("crm.requisite.list", "RQ_INN", tins):
        if is_of_company(requisite):
            owners.setdefault(str(requisite["RQ_INN"]), []).append(int(requisite["ENTITY_ID"]))
    ids = sorted({crm_id for found in owners.values() for crm_id in found})
    items = portal.items_by_id(mapping.COMPANY_TYPE, ids, [*select, "isMyCompany"])
    found: dict[str, Item] = {}
    for tin, candidates in owners.items():
        there = sorted(crm_id for crm_id in candidates if _is_customer(items.get(crm_id), tin))
        if there:
            found[tin] = items[there[0]]
    return found


def _is_customer(item: Item | None, tin: str) -> bool:
    if item is None or item.fields.get("isMyCompany") == "Y":
        return False
    # One of ours under another TIN is that other company, whatever its requisite says.
    ours = item.fields.get("originatorId") == mapping.ORIGINATOR
    return not ours or item.fields.get("originId") == tin
