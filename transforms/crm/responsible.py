"""Who is responsible for new records: by the rules of the configuration, then by the option.

Source: contracts/configuration.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from transforms.core.golden_records import GoldenCompany
from transforms.crm.api.client import CrmClient
from transforms.crm.api.commands import read_commands
from transforms.crm.api.outcomes import Outcomes
from transforms.crm.card_settings import CardSettings, ResponsiblePerson
from transforms.crm.errors import Stop

RESPONSIBLE = "assignedById"


def responsible_for(company: GoldenCompany, settings: CardSettings) -> int:
    """The user who gets a new company; 0 leaves it to the portal."""
    users = (person.user for person in settings.people if _fits(company, person))
    return next(users, settings.default_user)


def _fits(company: GoldenCompany, person: ResponsiblePerson) -> bool:
    total = company.orders.total if company.orders else 0
    return (
        (person.regions is None or company.tin[:2] in person.regions)
        and (person.stores is None or not set(person.stores).isdisjoint(company.stores))
        and (person.orders_total_from is None or total >= person.orders_total_from)
    )


def user_problems(client: CrmClient, settings: CardSettings) -> list[str]:
    """What is wrong with the users whom the rules name, as far as the webhook may see users."""
    if not settings.people:
        return []
    users = sorted({person.user for person in settings.people} | {settings.default_user} - {0})
    try:
        outcomes = read_commands(client, {user: ("user.get", {"ID": user}) for user in users})
    except Stop:
        return []  # the webhook has no right to see users: the portal itself decides
    return list(_unfit_users(outcomes, {person.user for person in settings.people}))


def _unfit_users(outcomes: Outcomes[int], rule_users: Collection[int]) -> Iterator[str]:
    for user, rows in outcomes.done.items():
        place = "[[crm.responsible]] user" if user in rule_users else "--crm_responsible"
        same_rows = [row for row in rows if str(row.get("ID")) == str(user)]
        if not same_rows:
            yield f"{place} {user}: the portal has no such user; name another one"
        elif not any(map(_is_active, same_rows)):
            yield f"{place} {user}: this user is dismissed; name another one"


def _is_active(row: Mapping[str, Any]) -> bool:
    return row.get("ACTIVE", True) not in (False, None, "", "N", "false", "0", 0)
