"""Requisites and bank details that exist in the CRM: found by our mark, or by what they say."""

from collections.abc import Mapping, Sequence

from transforms.crm.api import mapping
from transforms.crm.api.outcomes import Fields
from transforms.crm.api.portal import Portal
from transforms.crm.loading.creates import ExistingPart
from transforms.ledger.loads.sent import Key, Sent


def find_requisites(portal: Portal, parts: Mapping[Key, Fields]) -> dict[Key, ExistingPart]:
    """Those of the companies' requisites that exist in the CRM."""
    tins = sorted({tin for tin, _ in parts})
    requisites = portal.list_parts("crm.requisite.list", "RQ_INN", tins)
    candidates = [requisite for requisite in requisites if is_of_company(requisite)]
    return _match(parts, candidates, ("RQ_INN", "RQ_KPP"))


def find_bank_details(portal: Portal, parts: Mapping[Key, Fields]) -> dict[Key, ExistingPart]:
    """Those of the bank details that exist in the CRM."""
    # The requisites that a plan would create have ids below 0: nothing can hang on them.
    owners = sorted({fields["ENTITY_ID"] for fields in parts.values() if fields["ENTITY_ID"] > 0})
    candidates = portal.list_parts("crm.requisite.bankdetail.list", "ENTITY_ID", owners)
    return _match(parts, candidates, ("RQ_ACC_NUM", "RQ_BIK"))


def is_of_company(requisite: Fields) -> bool:
    """Whether the requisite belongs to a company (contacts have them too, under the same ids)."""
    return str(requisite.get("ENTITY_TYPE_ID")) == str(mapping.COMPANY_TYPE)


def _match(
    parts: Mapping[Key, Fields], candidates: Sequence[Fields], names: tuple[str, str]
) -> dict[Key, ExistingPart]:
    """Match parts by owner and ``XML_ID``, or else those that people made by the fields ``names``.

    The second of these may be empty in the CRM: the part is filled then. Of two candidates the
    older one matches. It is unknown what was sent: what stands there is taken for a person's
    decision.
    """
    by_people = [
        candidate
        for candidate in candidates
        if not str(candidate.get("XML_ID") or "").startswith(mapping.ORIGINATOR)
    ]
    incomplete = [candidate for candidate in by_people if not candidate.get(names[1])]
    matches: dict[Key, ExistingPart] = {}
    _match_by(("XML_ID",), parts, candidates, True, matches)
    _match_by(names, parts, by_people, False, matches)
    _match_by(names[:1], parts, incomplete, False, matches)
    return matches


def _match_by(
    names: Sequence[str],
    parts: Mapping[Key, Fields],
    candidates: Sequence[Fields],
    has_our_mark: bool,
    matches: dict[Key, ExistingPart],
) -> None:
    """Add to ``matches`` the parts that agree with a free candidate in owner and ``names``."""
    candidates_by_identity: dict[tuple[str, ...], list[Fields]] = {}
    for candidate in candidates:
        candidates_by_identity.setdefault(_identity(candidate, names), []).append(candidate)
    taken_ids = {match.sent.crm_id for match in matches.values()}
    for key in [key for key in parts if key not in matches]:
        for candidate in candidates_by_identity.get(_identity(parts[key], names), ()):
            crm_id = int(candidate["ID"])
            if crm_id not in taken_ids:
                filled = {name: value for name, value in parts[key].items() if candidate.get(name)}
                matches[key] = ExistingPart(Sent(crm_id, filled), has_our_mark, candidate)
                taken_ids.add(crm_id)
                break


def _identity(part: Fields, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(part.get(name) or "") for name in ("ENTITY_ID", *names))
