"""The register's answer about a TIN: a verdict that is kept, or no answer.

The three outcomes are never mixed up: ``Answer`` with the verdict ``active`` or ``not_active``,
``Answer`` with ``not_in_register``, and ``NoAnswer``, which is not a verdict: the company is
deferred.
"""

import re
from datetime import UTC, datetime
from typing import Literal

import msgspec

from transforms.core.golden_records import RegisterFacts
from transforms.core.records import Address
from transforms.fields import text

Verdict = Literal["active", "not_active", "not_in_register"]
Origin = Literal["query", "bulk"]
Why = Literal["key_refused", "nonsense", "quota", "register_down", "unreachable"]

ACTIVE: Verdict = "active"
NOT_ACTIVE: Verdict = "not_active"
NOT_IN_REGISTER: Verdict = "not_in_register"
QUERY: Origin = "query"
BULK: Origin = "bulk"

_VERDICTS: dict[object, Verdict] = {
    "ACTIVE": ACTIVE,
    "REORGANIZING": ACTIVE,
    "LIQUIDATING": NOT_ACTIVE,
    "LIQUIDATED": NOT_ACTIVE,
    "BANKRUPT": NOT_ACTIVE,
}
_KPP = re.compile(r"[0-9]{4}[0-9A-Z]{2}[0-9]{3}")
_OKVED = re.compile(r"[0-9]{2}(?:\.[0-9]{1,2}){0,3}")
_OGRN = re.compile(r"[0-9]{13}|[0-9]{15}")


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """The register's verdict on ``tin``, and its legal data as far as the register has them.

    ``status`` is the register's own word (``LIQUIDATED``), empty for ``not_in_register``.
    ``as_of`` is the moment for which this holds: microseconds since the epoch, UTC. ``status_on``,
    ``since`` and ``until`` are days, ISO 8601; answers that an older program kept have none of
    them, and no ``okved``.
    """

    tin: str
    verdict: Verdict
    status: str = ""
    kpp: str = ""
    ogrn: str = ""
    short_name: str = ""
    full_name: str = ""
    director: str = ""
    address: Address = Address()
    origin: Origin = QUERY
    as_of: int = 0
    status_on: str = ""
    okved: str = ""
    since: str = ""
    until: str = ""

    @property
    def facts(self) -> RegisterFacts:
        """What cards show of the answer; nothing of a company that is not in the register."""
        if self.verdict == NOT_IN_REGISTER:
            return RegisterFacts()
        return RegisterFacts(
            self.status,
            self.status_on or day_of(self.as_of),
            self.okved,
            self.address.text,
            self.director,
            self.since,
            self.until,
        )


class NoAnswer(msgspec.Struct, frozen=True, array_like=True):
    """No verdict, and why: ``nonsense``, ``unreachable``, ``quota``, …"""

    reason: Why


encode_answer = msgspec.msgpack.Encoder().encode
decode_answer = msgspec.msgpack.Decoder(Answer).decode


def verdict_of(status: object) -> Verdict | None:
    """The verdict for a status; ``None`` for a status that the register does not have."""
    return _VERDICTS.get(status) if isinstance(status, str) else None


def plain(value: object) -> str:
    """``value`` as clean text; empty when it is not a string."""
    return text.clean(value) if isinstance(value, str) else ""


def kpp_of(value: object) -> str:
    """A well-formed KPP, else an empty string."""
    kpp = plain(value)
    return kpp if _KPP.fullmatch(kpp) else ""


def ogrn_of(value: object) -> str:
    """A well-formed OGRN (13 digits) or OGRNIP (15), else an empty string."""
    ogrn = plain(value)
    return ogrn if _OGRN.fullmatch(ogrn) else ""


def okved_of(value: object) -> str:
    """A well-formed code of an activity (``46.90``), else an empty string."""
    okved = plain(value)
    return okved if _OKVED.fullmatch(okved) else ""


def day_of(microseconds: int) -> str:
    """The day, UTC, of a moment; empty for one that is not known.

    >>> day_of(1_553_040_000_000_000), day_of(0)
    ('2019-03-20', '')
    """
    if not microseconds:
        return ""
    try:
        return datetime.fromtimestamp(microseconds // 1_000_000, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return ""


def join(*words: object) -> str:
    """Join those of the words that are strings with blanks: a person's full name."""
    return text.clean(" ".join(word for word in words if isinstance(word, str)))


_KEPT = ("kpp", "short_name", "full_name", "director", "address", "okved", "since")


def newest(stored: Answer | None, answer: Answer) -> Answer:
    """The answer to keep of two about one TIN, in whichever order they came: the newer verdict.

    Legal data that the newer one lacks (the register of small businesses has no KPP and no address)
    are kept from the older one, as long as both are about the same registration.
    """
    if stored is None:
        return answer
    older, younger = sorted((stored, answer), key=_age)
    if not younger.ogrn or older.ogrn != younger.ogrn:
        return younger
    gaps = {
        field: getattr(older, field)
        for field in _KEPT
        if getattr(younger, field) in ("", Address())
    }
    return msgspec.structs.replace(younger, **gaps)


def _age(answer: Answer) -> tuple[int, bool, bytes]:
    # Of one day's answers a bad verdict counts as the newer one; the rest only has to be stable.
    return answer.as_of, answer.verdict != ACTIVE, encode_answer(answer)
