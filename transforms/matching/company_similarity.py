"""Company rows without a TIN that resemble a known company: suggested to people, never merged.

What a row shares with a company weighs by its rarity: an account, a phone or a domain that only
one company has nearly identifies it, a name that a hundred have does not. Two kinds must agree.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from math import log2
from typing import NamedTuple

from transforms.core.golden_records import GoldenCompany
from transforms.core.records import BankAccount, Company
from transforms.fields import company_name, email
from transforms.fields.placeholders import words

# Log-odds in bits: 32 to 1; and by this much better than the next company.
_ACCEPT = 5.0
_MARGIN = 5.0
_MIN_KINDS = 2
# A value that more companies have than this is ignored: a bank's phone, a provider's domain.
_MAX_OWNERS = 50
_PUBLIC = words(
    """mail.ru bk.ru inbox.ru list.ru yandex.ru ya.ru yandex.com gmail.com rambler.ru icloud.com
    outlook.com hotmail.com yahoo.com internet.ru vk.com"""
)
_KINDS = {"a": "bank account", "p": "phone", "e": "e-mail", "d": "domain", "n": "name"}

Ref = str


class Suggestion(NamedTuple):
    """The row is likely the company of this TIN: bits, and the values that both have.

    ``evidence`` lists kind, value and bits.
    """

    ref: Ref
    tin: str
    bits: float
    evidence: tuple[tuple[str, str, float], ...]


def suggest(rows: Mapping[Ref, Company], companies: Iterable[GoldenCompany]) -> list[Suggestion]:
    """Returns at most one company for each row; ``companies`` are streamed, few are kept."""
    refs_by_key: dict[str, list[Ref]] = defaultdict(list)
    for ref in sorted(rows):
        for key in sorted(_keys_of_row(rows[ref])):
            refs_by_key[key].append(ref)
    owners = _Owners(companies, refs_by_key.keys())
    candidates = _candidates(refs_by_key, owners)
    suggestions = [_best(ref, candidates[ref], owners) for ref in sorted(candidates)]
    return [suggestion for suggestion in suggestions if suggestion is not None]


class _Owners:
    """The companies that have each of ``keys``, and the number of all companies."""

    def __init__(self, companies: Iterable[GoldenCompany], keys: Set[str]) -> None:
        self._counts = Counter[str]()
        self._tins: dict[str, list[str]] = defaultdict(list)
        self._total = 0
        for company in companies:
            self._total += 1
            for key in _keys_of_company(company) & keys:
                self._counts[key] += 1
                if self._counts[key] <= _MAX_OWNERS:
                    self._tins[key].append(company.tin)

    def rare_keys(self) -> Iterator[tuple[str, list[str]]]:
        """Yields the keys that few companies have, in order, with the TINs of these."""
        for key, tins in sorted(self._tins.items()):
            if self._counts[key] <= _MAX_OWNERS:
                yield key, tins

    def bits(self, key: str) -> float:
        """Returns how much the key weighs: the rarer, the more."""
        return log2(self.total / self._counts[key])

    @property
    def total(self) -> int:
        return max(self._total, 2)


def _candidates(
    refs_by_key: Mapping[str, Sequence[Ref]], owners: _Owners
) -> dict[Ref, dict[str, list[str]]]:
    """Returns the keys that each row shares with each company, by row and TIN."""
    candidates: dict[Ref, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for key, tins in owners.rare_keys():
        for ref in refs_by_key[key]:
            for tin in tins:
                candidates[ref][tin].append(key)
    return candidates


def _best(ref: Ref, candidates: Mapping[str, list[str]], owners: _Owners) -> Suggestion | None:
    """Returns the likeliest company, if it is likely enough and has no rival."""
    weighed = sorted(
        (_weigh(ref, tin, keys, owners) for tin, keys in candidates.items()),
        key=lambda suggestion: (-suggestion.bits, suggestion.tin),
    )
    best = weighed[0]
    rival_bits = weighed[1].bits if len(weighed) > 1 else best.bits - _MARGIN
    kinds = {_independent(kind) for kind, _, _ in best.evidence}
    if len(kinds) < _MIN_KINDS or best.bits < min(_ACCEPT, log2(owners.total)):
        return None
    return best if best.bits - rival_bits >= _MARGIN else None


def _weigh(ref: Ref, tin: str, keys: Iterable[str], owners: _Owners) -> Suggestion:
    evidence = tuple((_KINDS[key[0]], key[1:], owners.bits(key)) for key in keys)
    # Of each kind the strongest counts: two phones are one piece of evidence.
    strongest: dict[str, float] = {}
    for kind, _, bits in evidence:
        kind = _independent(kind)
        strongest[kind] = max(bits, strongest.get(kind, 0.0))
    return Suggestion(ref, tin, sum(strongest.values()) - log2(owners.total), evidence)


def _independent(kind: str) -> str:
    """Returns the kind for counting: an address and its domain are one piece of evidence."""
    return "domain" if kind == "e-mail" else kind


def _keys_of_row(row: Company) -> set[str]:
    return _keys(row.name, row.phones, row.emails, row.site) | _account_keys(row.accounts)


def _keys_of_company(company: GoldenCompany) -> set[str]:
    return _keys(company.title, company.phones, company.emails, company.site) | _account_keys(
        company.accounts
    )


def _account_keys(accounts: Iterable[BankAccount]) -> set[str]:
    return {f"a{account.bik} {account.account}" for account in accounts}


def _keys(name: str, phones: Iterable[str], emails: Iterable[str], site: str) -> set[str]:
    keys = {f"p{phone.partition(';')[0]}" for phone in phones}
    keys.update(f"e{email.compare_key(address)}" for address in emails)
    domains = {address.rpartition("@")[2].lower() for address in emails} | {_host(site)}
    keys.update(f"d{domain}" for domain in domains - _PUBLIC - {""})
    if name and (bare_name := company_name.compare_key(name)):
        keys.add(f"n{bare_name}")
    return keys


def _host(site: str) -> str:
    host = site.lower().partition("//")[2] or site.lower()
    return host.partition("/")[0].removeprefix("www.")
