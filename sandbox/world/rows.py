"""The company or person of each row of a store, and the defects of a row as a whole."""

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
# 2019-01-01 to 2024-11-22, UTC: Moscow is three hours ahead in all of that time.
_EARLIEST = 1_546_300_800
_SPAN = 186_000_000


def spread(row: int) -> int:
    """Returns a row's number; the store lacks every 41st number (see ``missing_number``)."""
    return row + row // 40 + 1


def missing_number(draw: float, rows: int) -> int:
    """Returns a number that ``spread`` leaves out."""
    return 41 * (1 + int(draw * (rows // 40 + 1)))


class CompanyRows:
    """The rows of a store's companies, kept in three flat arrays."""

    def __init__(
        self, rng: Random, identities: Identities, members: "array[int]", rows: int
    ) -> None:
        self._identities = identities
        self.companies = members + array("I", rng.choices(members, k=rows - len(members)))
        rng.shuffle(self.companies)
        # Dealt, not drawn: so a small world too has every flaw.
        self._flaws = bytearray(_BY_SHARE[row * len(_BY_SHARE) // rows] for row in range(rows))
        rng.shuffle(self._flaws)
        self._deleted = bytearray(rng.random() < _DELETED for _ in range(rows))
        self._first_rows: dict[int, int] = {}
        self._later_rows: dict[int, list[int]] = {}
        for row, company in enumerate(self.companies):
            if self._first_rows.setdefault(company, row) != row:
                self._later_rows.setdefault(company, []).append(row)
            # A lost leading zero is the most frequent flaw.
            plain = self._flaws[row] == _PLAIN
            if plain and identities.tin(company)[0] == "0" and rng.random() < 0.4:
                self._flaws[row] = _NUMBER

    def __len__(self) -> int:
        return len(self.companies)

    def flaw(self, row: int) -> str:
        """Returns the flaw of the row's TIN."""
        return _FLAWS[self._flaws[row]]

    def is_deleted(self, row: int) -> bool:
        """Whether the row has the store's deletion mark."""
        return bool(self._deleted[row])

    def is_branch(self, row: int) -> bool:
        """Whether the row repeats a company, with the KPP of a branch."""
        return row % 2 == 0 and self._first_rows[self.companies[row]] != row

    def row_of(self, company: int, draw: float) -> int:
        """Returns a row of the company: mostly its first one."""
        later_rows = self._later_rows.get(company)
        if later_rows and draw < 0.4:
            return later_rows[int(draw / 0.4 * len(later_rows))]
        return self._first_rows[company]

    def judge(self, row: int) -> tuple[str, str]:
        """Returns the row's outcome, and the TIN when the outcome is golden."""
        company = self.companies[row]
        reason = REASONS.get(self.flaw(row), "")
        status = self._identities.status(company)
        outcome = truth.company_outcome(self.is_deleted(row), reason, status)
        return outcome, self._identities.tin(company) if outcome == truth.GOLDEN else ""


class ContactPlan(NamedTuple):
    """The content of a contact's row; ``companies`` are rows of its store, None: a missing one."""

    person: TruePerson
    deleted: bool
    named: bool
    companies: tuple[int | None, ...]
    evidence: tuple[str, ...]

    def outcome(self, source: str, source_id: str, companies: CompanyRows) -> Outcome:
        """Returns the row's outcome, which follows from those of its companies."""
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
    """Draws the content of a row; one row in twelve is refused or waits, whatever its companies."""
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


def draw_dates(rng: Random) -> tuple[int, int]:
    """Draws two moments in seconds since the epoch, UTC; the first is not after the second."""
    created = _EARLIEST + int(rng.random() * _SPAN)
    return created, created + int(rng.random() ** 2 * (_EARLIEST + _SPAN - created))
