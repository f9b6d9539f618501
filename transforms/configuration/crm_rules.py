"""Rules of ``[crm]``: what goes into the portal's own fields, and who gets a new company."""

import re
from collections.abc import Iterator, Mapping

from transforms.configuration.problems import Problem, unknown_name
from transforms.configuration.shape import join_key
from transforms.configuration.structs import Configuration, CrmOrders, ResponsibleRule

COMPANY_VALUES = (
    *("title", "tin", "kpp", "ogrn", "name", "full_name", "address", "site", "stores"),
    *("store_ids", "orders.count", "orders.total", "orders.last_on", "register.status"),
    *("register.status_on", "register.okved", "register.address", "register.director"),
    *("register.since", "register.until"),
)
"""What a field of a company may be filled with, beside ``extra.NAME``."""

CONTACT_VALUES = ("stores", "store_ids", "position")
"""What a field of a contact may be filled with, beside ``extra.NAME``."""

_EXTRA = "extra."
_FIELD = re.compile(r"[A-Za-z]\w*", re.ASCII)
_REGION = re.compile(r"\d\d", re.ASCII)
_LINK = re.compile(r"https?://[^\s/]+\S*")
_LINK_NAME = re.compile(r"\{([^{}]*)\}")
_LINK_NAMES = ("number", "id")


def check_crm(configuration: Configuration) -> Iterator[Problem]:
    """Yields what is wrong in the table ``crm``."""
    crm = configuration.crm
    for kind, fields, values in (
        ("company", crm.company, COMPANY_VALUES),
        ("contact", crm.contact, CONTACT_VALUES),
    ):
        extra = _extra_names(configuration, kind)
        yield from _check_fields(join_key("crm", kind), fields, [*values, *sorted(extra)])
    if crm.orders:
        yield from _check_orders(crm.orders, configuration)
    yield from _check_responsible(crm.responsible, configuration)


def _extra_names(configuration: Configuration, kind: str) -> set[str]:
    tables = (getattr(store, kind) for store in configuration.store.values())
    return {f"{_EXTRA}{name}" for table in tables if table for name in table.extra}


def _check_fields(place: str, fields: Mapping[str, str], values: list[str]) -> Iterator[Problem]:
    names: dict[str, str] = {}
    for name, value in fields.items():
        if not _FIELD.fullmatch(name):
            yield Problem(
                join_key(place, name), "expected is the REST name of a field, as in ufCrmSegment"
            )
        form = name.replace("_", "").casefold()
        if twin := names.get(form):
            yield Problem(
                join_key(place, name), f"it is the same field as {twin}: keep one of both"
            )
        names[form] = name
        if value not in values:
            yield Problem(join_key(place, name), _value_text(value, values))


def _value_text(value: str, values: list[str]) -> str:
    text = unknown_name("value", value, values)
    if value.startswith(_EXTRA):
        return f"{text}; an extra value stands in the table extra of a store"
    return text


def _check_orders(orders: CrmOrders, configuration: Configuration) -> Iterator[Problem]:
    place = join_key("crm", "orders")
    if not any(store.order for store in configuration.store.values()):
        yield Problem(place, "no store has a table order: add [store.KEY.order], or leave it out")
    if orders.months < 0:
        yield Problem(join_key(place, "months"), "expected is 0 (all orders) or more")
    if orders.link is None:
        return
    link = join_key(place, "link")
    if not _LINK.fullmatch(orders.link):
        yield Problem(link, "expected is a URL, as in https://shop.example/orders/{number}")
    for name in _LINK_NAME.findall(orders.link):
        if name not in _LINK_NAMES:
            yield Problem(link, unknown_name("placeholder", f"{{{name}}}", ["{number}", "{id}"]))


def _check_responsible(
    rules: list[ResponsibleRule], configuration: Configuration
) -> Iterator[Problem]:
    for number, rule in enumerate(rules):
        place = join_key("crm", "responsible", number)
        yield from _check_rule(place, rule, configuration)
        for earlier in rules[:number]:
            if _covers(earlier, rule):
                yield Problem(place, "an earlier rule takes all of its companies: put it first")
                break


def _check_rule(
    place: str, rule: ResponsibleRule, configuration: Configuration
) -> Iterator[Problem]:
    if rule.user < 1:
        yield Problem(join_key(place, "user"), "expected is the id of a user: 1 or more")
    for name, values in (("region", rule.region), ("store", _keys(rule))):
        if values is not None and not values:
            yield Problem(join_key(place, name), "the list is empty: no company is in it")
    if not all(map(_REGION.fullmatch, rule.region or ())):
        yield Problem(join_key(place, "region"), "expected are two digits, the first ones of a TIN")
    for key in _keys(rule) or ():
        if key not in configuration.store:
            yield Problem(join_key(place, "store"), unknown_name("store", key, configuration.store))
    if rule.orders_total_from is not None and rule.orders_total_from < 0:
        yield Problem(join_key(place, "orders_total_from"), "expected is a sum: 0 or more")


def _keys(rule: ResponsibleRule) -> list[str] | None:
    return [rule.store] if isinstance(rule.store, str) else rule.store


def _covers(earlier: ResponsibleRule, rule: ResponsibleRule) -> bool:
    """Whether each company that fits ``rule`` fits the earlier one too."""
    least, earlier_least = rule.orders_total_from, earlier.orders_total_from
    return (
        _contains(earlier.region, rule.region)
        and _contains(_keys(earlier), _keys(rule))
        and (earlier_least is None or (least is not None and least >= earlier_least))
    )


def _contains(values: list[str] | None, subset: list[str] | None) -> bool:
    return values is None or (subset is not None and set(subset) <= set(values))
