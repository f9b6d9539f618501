"""What the configuration puts on the cards of the CRM, in a form that hashes and travels."""

import msgspec

from transforms.configuration.structs import CrmTable, ResponsibleRule
from transforms.core.records import COMPANY

FieldRules = tuple[tuple[str, str], ...]
"""Of each of the portal's own fields its name in the file, and the value that goes into it."""


class ResponsiblePerson(msgspec.Struct, frozen=True):
    """A user, and the new companies that the user gets: all conditions hold together.

    ``orders_total_from`` is in kopecks; None stands for a condition that is not given.
    """

    user: int
    regions: tuple[str, ...] | None = None
    stores: tuple[str, ...] | None = None
    orders_total_from: int | None = None


class CardSettings(msgspec.Struct, frozen=True):
    """The portal's own fields by kind of record, and who is responsible for new records.

    ``default_user`` gets what no rule gives away; 0 leaves it to the portal. ``language`` is that
    of words for people.
    """

    company: FieldRules = ()
    contact: FieldRules = ()
    people: tuple[ResponsiblePerson, ...] = ()
    default_user: int = 0
    language: str = "ru"

    def fields_of(self, kind: str) -> FieldRules:
        """The portal's own fields of a kind of record, as the file names them."""
        return self.company if kind == COMPANY else self.contact


NO_SETTINGS = CardSettings()
"""Cards show the fields that every portal has, and ours where they exist."""


def card_settings(crm: CrmTable, default_user: int = 0, language: str = "ru") -> CardSettings:
    """The settings that the file's ``[crm]`` asks for."""
    return CardSettings(
        tuple(crm.company.items()),
        tuple(crm.contact.items()),
        tuple(map(_person, crm.responsible)),
        default_user,
        language,
    )


def _person(rule: ResponsibleRule) -> ResponsiblePerson:
    total = rule.orders_total_from
    return ResponsiblePerson(
        rule.user,
        None if rule.region is None else tuple(rule.region),
        _stores(rule),
        None if total is None else round(total * 100),
    )


def _stores(rule: ResponsibleRule) -> tuple[str, ...] | None:
    if rule.store is None:
        return None
    return (rule.store,) if isinstance(rule.store, str) else tuple(rule.store)
