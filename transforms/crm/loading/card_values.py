"""The portal's own fields of a card: their values, of golden records and of what else is known.

Source: contracts/configuration.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Generic, NamedTuple, TypeVar

from transforms.core.golden_records import GoldenCompany, GoldenContact, RegisterFacts
from transforms.core.identity import RowKey, row_ref
from transforms.core.stores import Stores
from transforms.crm.api.custom_fields import STORE_KEYS
from transforms.crm.api.field_values import Choice, Value, portal_value
from transforms.crm.api.outcomes import Fields
from transforms.crm.api.portal_fields import PortalField
from transforms.crm.card_settings import CardSettings
from transforms.ledger.base.card_sources import REGISTER_FACTS, SOURCE_ROWS
from transforms.ledger.loads.card_facts import CardFacts, UnfitValue

R = TypeVar("R", GoldenCompany, GoldenContact)

# The register's statuses in the words of people. Source: contracts/configuration.
_STATUS_WORDS: Mapping[str, Mapping[str, str]] = {
    "ru": {
        "ACTIVE": "Действует",
        "LIQUIDATING": "Ликвидируется",
        "BANKRUPT": "Банкротство",
        "REORGANIZING": "Реорганизация",
        "LIQUIDATED": "Ликвидирована",
    },
    "en": {
        "ACTIVE": "Active",
        "LIQUIDATING": "Being liquidated",
        "BANKRUPT": "Bankrupt",
        "REORGANIZING": "Reorganizing",
        "LIQUIDATED": "Liquidated",
    },
}


_ALL_KPPS = "kpps"
_EXTRA, _REGISTER = "extra.", "register."


class _Card(NamedTuple, Generic[R]):
    """A record with all that its card may show."""

    record: R
    register: RegisterFacts
    rows: tuple[RowKey, ...]
    stores: Stores
    language: str


_COMPANY_VALUES: Mapping[str, Callable[[_Card[GoldenCompany]], Value]] = {
    "title": lambda card: card.record.title,
    "tin": lambda card: card.record.tin,
    "kpp": lambda card: card.record.kpps[:1],
    _ALL_KPPS: lambda card: card.record.kpps,
    "ogrn": lambda card: card.record.ogrn,
    "name": lambda card: _name(card.record),
    "full_name": lambda card: card.record.full_name,
    "address": lambda card: card.record.address.text,
    "site": lambda card: card.record.site,
    "stores": lambda card: _stores(card.record.stores, card.stores),
    STORE_KEYS: lambda card: card.record.stores,
    "store_ids": lambda card: tuple(map(row_ref, card.rows)),
    "orders.count": lambda card: _order_count(card.record),
    "orders.total": lambda card: _order_total(card.record),
    "orders.last_on": lambda card: _last_order_day(card.record),
    "register.status": lambda card: _status(card.register.status, card.language),
    "register.status_on": lambda card: _day(card.register.status_on),
    "register.okved": lambda card: card.register.okved,
    "register.address": lambda card: card.register.address,
    "register.director": lambda card: card.register.director,
    "register.since": lambda card: _day(card.register.since),
    "register.until": lambda card: _day(card.register.until),
}
_CONTACT_VALUES: Mapping[str, Callable[[_Card[GoldenContact]], Value]] = {
    "stores": lambda card: _stores({store for store, _ in card.rows}, card.stores),
    "store_ids": lambda card: tuple(map(row_ref, card.rows)),
    "position": lambda card: card.record.position,
}


def sources_of(kind: str, fields: Iterable[PortalField]) -> frozenset[str]:
    """What has to be read for these fields beside the golden records."""
    values = {field.value for field in fields}
    shows_register = any(value.startswith(_REGISTER) for value in values)
    row_values = {"store_ids"} if kind == "company" else {"store_ids", "stores"}
    sources = {
        REGISTER_FACTS: shows_register,
        SOURCE_ROWS: not values.isdisjoint(row_values),
    }
    return frozenset(source for source, is_read in sources.items() if is_read)


def company_values(
    companies: Sequence[GoldenCompany],
    fields: Sequence[PortalField],
    facts: CardFacts,
    settings: CardSettings,
) -> tuple[dict[str, Fields], list[UnfitValue]]:
    """The values of these companies' fields by TIN, and those that do not fit."""
    return _values(_COMPANY_VALUES, {c.tin: c for c in companies}, fields, facts, settings)


def contact_values(
    contacts: Sequence[GoldenContact],
    fields: Sequence[PortalField],
    facts: CardFacts,
    settings: CardSettings,
) -> tuple[dict[str, Fields], list[UnfitValue]]:
    """The values of these contacts' fields by key, and those that do not fit."""
    return _values(_CONTACT_VALUES, {c.key: c for c in contacts}, fields, facts, settings)


def _values(
    readers: Mapping[str, Callable[[_Card[R]], Value]],
    records: Mapping[str, R],
    fields: Sequence[PortalField],
    facts: CardFacts,
    settings: CardSettings,
) -> tuple[dict[str, Fields], list[UnfitValue]]:
    values: dict[str, Fields] = {key: {} for key in records}
    unfit_values: list[UnfitValue] = []
    for key, record in records.items():
        card = _Card(
            record,
            facts.register.get(key, RegisterFacts()),
            tuple(sorted(facts.rows.get(key, ()))),
            facts.stores,
            settings.language,
        )
        for field in fields:
            value = portal_value(field, _value(readers, card, field))
            if value.problem:
                unfit_values.append(UnfitValue(key, field.name, value.text, value.problem))
            # An update never empties a field, and "0" is empty for a portal written in PHP.
            if value.content not in (None, "", "0", 0):
                values[key][field.name] = value.content
    return values, unfit_values


def _value(
    readers: Mapping[str, Callable[[_Card[R]], Value]], card: _Card[R], field: PortalField
) -> Value:
    name = field.value
    if name.startswith(_EXTRA):
        return dict(card.record.extra).get(name.removeprefix(_EXTRA), "")
    if name == "kpp" and field.is_multiple:
        name = _ALL_KPPS
    return readers[name](card)


def _name(company: GoldenCompany) -> str:
    """The name; nothing where the title only stands for one that is not known."""
    return "" if company.title == f"ИНН {company.tin}" else company.title


def _stores(keys: Iterable[str], stores: Stores) -> tuple[Choice, ...]:
    return tuple(Choice(stores.title(key), key) for key in sorted(keys))


def _order_count(company: GoldenCompany) -> int | None:
    return company.orders.count if company.orders else None


def _order_total(company: GoldenCompany) -> Decimal | None:
    return Decimal(company.orders.total).scaleb(-2) if company.orders else None


def _last_order_day(company: GoldenCompany) -> date | None:
    return _day(company.orders.last_on) if company.orders else None


def _day(day: str) -> date | None:
    return date.fromisoformat(day) if day else None


def _status(code: str, language: str) -> Choice | None:
    words = _STATUS_WORDS.get(language, _STATUS_WORDS["ru"])
    return Choice(words.get(code, code), code) if code else None
