"""Company rows without a TIN that seem to be a known company: suggested to people, never merged.

What a row shares with a company weighs by its rarity: an account, a phone or a domain that only one
company has nearly tells it, a name that a hundred have does not. Two kinds have to agree.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from math import log2
from typing import NamedTuple

from transforms.core.golden_records import GoldenCompany
from transforms.core.records import Company
from transforms.fields import company_name, email
from transforms.fields.placeholders import words

# Log-odds in bits: 32 to 1, and so much better than the next company.
_ACCEPT = 5.0
_MARGIN = 5.0
_KINDS = 2
# A value that more companies have than this is not looked at: a bank's phone, a provider's domain.
_MOST = 50
_PUBLIC = words(
    """mail.ru bk.ru inbox.ru list.ru yandex.ru ya.ru yandex.com gmail.com rambler.ru icloud.com
    outlook.com hotmail.com yahoo.com internet.ru vk.com"""
)
_WHAT = {"a": "bank account", "p": "phone", "e": "e-mail", "d": "domain", "n": "name"}

Ref = str


class Suggestion(NamedTuple):
    """The row is likely the company of this TIN: bits, and what both have."""

    ref: Ref
    tin: str
    bits: float
    findings: tuple[tuple[str, str, float], ...]


def suggest(rows: Mapping[Ref, Company], companies: Iterable[GoldenCompany]) -> list[Suggestion]:
    """For each row at most one company; ``companies`` are streamed, only what rows have is kept."""
    wanted: dict[str, list[Ref]] = defaultdict(list)
    for ref in sorted(rows):
        for key in sorted(_keys_of_row(rows[ref])):
            wanted[key].append(ref)
    owners: dict[str, list[str]] = defaultdict(list)
    counts = Counter[str]()
    total = 0
    for company in companies:
        total += 1
        for key in _keys_of_company(company) & wanted.keys():
            counts[key] += 1
            if counts[key] <= _MOST:
                owners[key].append(company.tin)
    agreeing: dict[Ref, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for key, tins in sorted(owners.items()):
        if counts[key] <= _MOST:
            for ref in wanted[key]:
                for tin in tins:
                    agreeing[ref][tin].append(key)
    found = [_best(ref, agreeing[ref], counts, max(total, 2)) for ref in sorted(agreeing)]
    return [one for one in found if one is not None]


def _best(
    ref: Ref, candidates: Mapping[str, list[str]], counts: Counter[str], total: int
) -> Suggestion | None:
    weighed = sorted(
        (_weigh(ref, tin, keys, counts, total) for tin, keys in candidates.items()),
        key=lambda one: (-one.bits, one.tin),
    )
    best = weighed[0]
    rival = weighed[1].bits if len(weighed) > 1 else best.bits - _MARGIN
    kinds = {"domain" if what == "e-mail" else what for what, _, _ in best.findings}
    if len(kinds) < _KINDS or best.bits < min(_ACCEPT, log2(total)):
        return None
    return best if best.bits - rival >= _MARGIN else None


def _weigh(ref: Ref, tin: str, keys: Iterable[str], counts: Counter[str], total: int) -> Suggestion:
    findings = tuple((_WHAT[key[0]], key[1:], log2(total / counts[key])) for key in keys)
    # A domain and the address in it are one piece of evidence, two phones are as well.
    of_kind: dict[str, float] = {}
    for what, _, bits in findings:
        kind = "domain" if what == "e-mail" else what
        of_kind[kind] = max(bits, of_kind.get(kind, 0.0))
    return Suggestion(ref, tin, sum(of_kind.values()) - log2(total), findings)


def _keys_of_row(row: Company) -> set[str]:
    return _keys(row.name, row.phones, row.emails, row.site) | {
        f"a{one.bik} {one.account}" for one in row.accounts
    }


def _keys_of_company(company: GoldenCompany) -> set[str]:
    return _keys(company.title, company.phones, company.emails, company.site) | {
        f"a{one.bik} {one.account}" for one in company.accounts
    }


def _keys(name: str, phones: Iterable[str], emails: Iterable[str], site: str) -> set[str]:
    keys = {f"p{phone.partition(';')[0]}" for phone in phones}
    keys.update(f"e{email.compare_key(one)}" for one in emails)
    domains = {one.rpartition("@")[2].lower() for one in emails} | {_host(site)}
    keys.update(f"d{domain}" for domain in domains - _PUBLIC - {""})
    if name and (bare := company_name.compare_key(name)):
        keys.add(f"n{bare}")
    return keys


def _host(site: str) -> str:
    host = site.lower().partition("//")[2] or site.lower()
    return host.partition("/")[0].removeprefix("www.")
