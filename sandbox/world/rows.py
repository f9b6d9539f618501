"""Who stands in which row of a store, and what is wrong with the row as a whole."""

from array import array
from random import Random
from typing import NamedTuple

from sandbox.world import truth
from sandbox.world.identities import Identities, TruePerson
from sandbox.world.truth import Outcome
from sandbox.world.typed_numbers import REASONS, SHARES

_FLAWS = tuple(SHARES)
_PLAIN, _NUMBER = _FLAWS.index("plain"), _FLAWS.index("number")
_BY_SHARE = b"".join(bytes((_FLAWS.index(flaw),)) * share for flaw, share in SHARES.items())
_DELETED = 0.02
YEAR = 31_536_000
# 2019-01-01 to 2024-11-22, UTC: Moscow is three hours ahead all that time.
_EARLIEST = 1_546_300_800
_SPAN = 186_000_000


def spread(row: int) -> int:
    """Numbers with gaps: every 41st is gone from the store (see ``gone``)."""
    return row + row // 40 + 1


def missing_number(draw: float, rows: int) -> int:
    """One of the numbers that ``spread`` leaves out."""
    return 41 * (1 + int(draw * (rows // 40 + 1)))


class CompanyRows:
    """The rows of one store's companies: three flat arrays, whatever the size of the world."""

    def __init__(
        self, rng: Random, identities: Identities, members: "array[int]", rows: int
    ) -> None:
        self._identities = identities
        self.companies = members + array("I", rng.choices(members, k=rows - len(members)))
        rng.shuffle(self.companies)
        # Dealt, not drawn: a small world has every flaw too.
        self._flaws = bytearray(_BY_SHARE[row * len(_BY_SHARE) // rows] for row in range(rows))
        rng.shuffle(self._flaws)
        self._deleted = bytearray(rng.random() < _DELETED for _ in range(rows))
        self._first_rows: dict[int, int] = {}
        self._later_rows: dict[int, list[int]] = {}
        for row, company in enumerate(self.companies):
            if self._first_rows.setdefault(company, row) != row:
                self._later_rows.setdefault(company, []).append(row)
            # A leading zero is lost more often than anything else happens.
            plain = self._flaws[row] == _PLAIN
            if plain and identities.tin(company)[0] == "0" and rng.random() < 0.4:
                self._flaws[row] = _NUMBER

    def __len__(self) -> int:
        return len(self.companies)

    def flaw(self, row: int) -> str:
        """How the row's TIN is written."""
        return _FLAWS[self._flaws[row]]

    def is_deleted(self, row: int) -> bool:
        """Whether the row carries the store's deletion mark."""
        return bool(self._deleted[row])

    def is_branch(self, row: int) -> bool:
        """Whether the row is a company's second one, with the KPP of a branch."""
        return row % 2 == 0 and self._first_rows[self.companies[row]] != row

    def row_of(self, company: int, draw: float) -> int:
        """A row of the company: the first one, or now and then another."""
        later_rows = self._later_rows.get(company)
        if later_rows and draw < 0.4:
            return later_rows[int(draw / 0.4 * len(later_rows))]
        return self._first_rows[company]

    def judge(self, row: int) -> tuple[str, str]:
        """The row's outcome, and the TIN when that is golden."""
        company = self.companies[row]
        reason = REASONS.get(self.flaw(row), "")
        status = self._identities.status(company)
        outcome = truth.company_outcome(self.is_deleted(row), reason, status)
        return outcome, self._identities.tin(company) if outcome == truth.GOLDEN else ""


class ContactPlan(NamedTuple):
    """What a contact's row is about. ``companies`` are rows of its store, None for a gone one."""

    person: TruePerson
    deleted: bool
    named: bool
    companies: tuple[int | None, ...]
    evidence: tuple[str, ...]

    def outcome(self, source: truth.Source, source_id: str, companies: CompanyRows) -> Outcome:
        """The truth about the row, from that about its companies."""
        judgements = [(None, "") if row is None else companies.judge(row) for row in self.companies]
        end = truth.contact_outcome(
            self.deleted, self.named, [outcome for outcome, _ in judgements]
        )
        tins = {tin for _, tin in judgements if tin} if end == truth.GOLDEN else ()
        return Outcome(
            *(source, "contact", source_id, end),
            tins=tuple(sorted(tins)),
            person=self.person.number,
            evidence=self.evidence,
        )


def plan_contact(
    rng: Random, person: TruePerson, homes: tuple[int, ...], companies: CompanyRows
) -> ContactPlan:
    """The plan of a row: one in twelve is refused for its own sake, or waits."""
    draw = rng.random
    fate = draw()
    rows: list[int | None] = [companies.row_of(home, draw()) for home in dict.fromkeys(homes)]
    if 0.03 < fate < 0.06:
        rows = []
    elif 0.06 < fate < 0.08:
        rows = [None]
    elif 0.08 < fate < 0.09:
        rows.append(None)
    return ContactPlan(person, fate < 0.02, not 0.02 < fate < 0.03, tuple(rows), _evidence(draw()))


def _evidence(lot: float) -> tuple[str, ...]:
    if lot < 0.35:
        return ("mobile", "email")
    if lot < 0.65:
        return ("mobile",)
    if lot < 0.83:
        return ("email",)
    if lot < 0.91:
        return ("mobile", "second_mobile")
    return ("second_mobile",) if lot < 0.94 else ()


def created_and_changed(rng: Random) -> tuple[int, int]:
    """Two moments in seconds of the epoch, UTC, the first not after the second."""
    created = _EARLIEST + int(rng.random() * _SPAN)
    return created, created + int(rng.random() ** 2 * (_EARLIEST + _SPAN - created))
