"""The page for people: the CRM's records, searched and paged on the server."""

import itertools
from collections.abc import Iterator
from html import escape
from typing import Any
from urllib.parse import urlencode

from sandbox.bitrix24 import php
from sandbox.bitrix24.tables.state import COMPANY, CONTACT, REQUISITE, State
from sandbox.bitrix24.tables.table import Row

PAGE = 20
_STYLE = """
:root{--ink:#1c2733;--dim:#6b7a8c;--line:#e3e8ee;--paper:#fff;--ground:#f4f6f9;--accent:#0b6bcb}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--dim:#93a1b1;--line:#2b3644;--paper:#161d26;
--ground:#0d1218;--accent:#5aa9f5}}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);
font:15px/1.5 system-ui,"Segoe UI",Roboto,sans-serif}
main{max-width:1000px;margin:0 auto;padding:24px}
h1{font-size:22px;margin:0 0 4px}.dim{color:var(--dim)}a{color:var(--accent);text-decoration:none}
nav{display:flex;gap:16px;margin:16px 0}nav a.on{font-weight:600;color:var(--ink)}
form{display:flex;gap:8px;margin:12px 0 20px}input{flex:1;min-width:0;padding:9px 12px;font:inherit;
color:inherit;background:var(--paper);border:1px solid var(--line);border-radius:8px}
button{padding:9px 18px;font:inherit;color:#fff;background:#0b6bcb;border:0;border-radius:8px}
article{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:14px 18px;
margin:0 0 12px}article h2{font-size:16px;margin:0;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:minmax(90px,150px) 1fr;gap:2px 14px;margin:8px 0 0}
dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}.pages{display:flex;gap:20px;margin:20px 0}
"""


def render(state: State, params: dict[str, Any]) -> str:
    """Renders the page: ``kind`` companies or contacts, ``q`` a query, ``page`` from 0."""
    kind = "contacts" if params.get("kind") == "contacts" else "companies"
    query = php.to_str(params.get("q")).strip()
    number = max(0, php.to_int(params.get("page")))
    matches = itertools.islice(_search(state, kind, query), number * PAGE, (number + 1) * PAGE + 1)
    rows = list(matches)
    cards = [(_company if kind == "companies" else _contact)(state, row) for row in rows[:PAGE]]
    body = "".join(cards) or '<p class="dim">Ничего не найдено.</p>'
    pages = _pages(kind, query, number, has_more=len(rows) > PAGE)
    return (
        '<!doctype html><html lang="ru"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Битрикс24: песочница</title><style>{_STYLE}</style></head><body><main>"
        f"{_head(state, kind, query)}{body}{pages}</main></body></html>"
    )


def _search(state: State, kind: str, query: str) -> Iterator[Row]:
    """Yields the rows whose key equals the query, else those whose text contains it."""
    if not query:
        return state.rows(kind)
    exact = state.find(kind, "originId", query)
    if kind == "companies":
        exact += _companies_by_tin(state, query)
    if exact:
        return iter({row["id"]: row for row in exact}.values())
    return (row for row in state.rows(kind) if query.lower() in _text(row))


def _companies_by_tin(state: State, tin: str) -> list[Row]:
    requisites = state.find("requisites", "RQ_INN", tin)
    ids = [row["ENTITY_ID"] for row in requisites if row["ENTITY_TYPE_ID"] == COMPANY]
    return [row for row in (state.get("companies", company_id) for company_id in ids) if row]


def _text(row: Row) -> str:
    names = ("title", "lastName", "name", "secondName", "originId")
    words = [str(row[name]) for name in names if row.get(name)]
    return " ".join([*words, *(value["value"] for value in row["fm"] or [])]).lower()


def _head(state: State, kind: str, query: str) -> str:
    stats, tables = state.stats.as_dict(), state.tables
    tabs = "".join(
        f'<a{" class=on" if name == kind else ""} href="/?{urlencode({"kind": name, "q": query})}">'
        f"{title} · {len(tables[name])}</a>"
        for name, title in (("companies", "Компании"), ("contacts", "Контакты"))
    )
    wrong = ", ".join(f"{name}: {n}" for name, n in stats["violations"].items()) or "нет"
    return (
        "<h1>Битрикс24: песочница</h1>"
        f'<div class="dim">Реквизитов {len(tables["requisites"])}, счетов '
        f"{len(tables['bank_details'])}, адресов {len(tables['addresses'])}. Запросов "
        f"{stats['requests']}, записано {stats['writes']}. Нарушения: {escape(wrong)}.</div>"
        f'<nav>{tabs}</nav><form><input type="hidden" name="kind" value="{kind}">'
        f'<input name="q" value="{escape(query)}" placeholder="Название, ИНН, телефон, почта" '
        'aria-label="Поиск"><button>Найти</button></form>'
    )


def _pages(kind: str, query: str, number: int, *, has_more: bool) -> str:
    def link(to: int, text: str) -> str:
        return f'<a href="/?{urlencode({"kind": kind, "q": query, "page": to})}">{text}</a>'

    back = link(number - 1, "← Назад") if number else ""
    return f'<div class="pages">{back}{link(number + 1, "Дальше →") if has_more else ""}</div>'


def _company(state: State, row: Row) -> str:
    lines = _common(row)
    for requisite in _dependents(state, "requisites", row["id"], COMPANY):
        lines += _requisite(state, requisite)
    for contact in state.find("contacts", "companyIds", row["id"]):
        parts = (_person(contact), contact["post"], _values(contact))
        lines.append(("Контакт", " · ".join(filter(None, parts))))
    return _card(str(row["title"]), row, lines)


def _contact(state: State, row: Row) -> str:
    lines = _common(row)
    for company_id in row["companyIds"] or []:
        company = state.get("companies", company_id) or {}
        lines.append(("Компания", f"{company.get('title')} · № {company_id}"))
    for requisite in _dependents(state, "requisites", row["id"], CONTACT):
        lines += _requisite(state, requisite)
    return _card(_person(row), row, lines)


def _common(row: Row) -> list[tuple[str, str]]:
    origin = " ".join(str(row[n]) for n in ("originatorId", "originId", "originVersion") if row[n])
    lines = [("Источник", origin), ("Должность", row.get("post")), ("Связь", _values(row))]
    return [(name, value) for name, value in [*lines, ("Примечание", row["comments"])] if value]


def _requisite(state: State, row: Row) -> list[tuple[str, str]]:
    names: tuple[str, ...] = ("NAME", "RQ_INN", "RQ_KPP", "RQ_OGRN", "RQ_OGRNIP")
    names = (*names, "RQ_COMPANY_FULL_NAME", "RQ_DIRECTOR")
    lines = [("Реквизиты", _join(row, names))]
    for bank in _dependents(state, "bank_details", row["id"], REQUISITE):
        names = ("RQ_ACC_NUM", "RQ_BIK", "RQ_BANK_NAME", "RQ_COR_ACC_NUM")
        lines.append(("Счёт", _join(bank, names)))
    for address in _dependents(state, "addresses", row["id"], REQUISITE):
        names = ("POSTAL_CODE", "REGION", "CITY", "ADDRESS_1", "ADDRESS_2")
        lines.append(("Адрес", _join(address, names)))
    return lines


def _dependents(state: State, kind: str, owner: int, entity_type: int) -> list[Row]:
    rows = state.find(kind, "ENTITY_ID", owner)
    return [row for row in rows if row["ENTITY_TYPE_ID"] == entity_type]


def _join(row: Row, names: tuple[str, ...]) -> str:
    return " · ".join(str(row[name]) for name in names if row[name])


def _values(row: Row) -> str:
    return ", ".join(value["value"] for value in row["fm"] or [])


def _person(row: Row) -> str:
    return " ".join(row[n] for n in ("lastName", "name", "secondName") if row[n]) or "без имени"


def _card(title: str, row: Row, lines: list[tuple[str, str]]) -> str:
    items = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in lines)
    number = f'<span class="dim">№ {row["id"]}</span>'
    return f"<article><h2>{escape(title)} {number}</h2><dl>{items}</dl></article>"
