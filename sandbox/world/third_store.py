"""A share of the world's companies and people as another store has them, not yet in its form."""

from array import array
from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple
from uuid import UUID

from sandbox.world import person_names, texts, typed_contacts, typed_numbers
from sandbox.world.identities import Identities, TrueCompany
from sandbox.world.name_stock import BANKS
from sandbox.world.rows import (
    CompanyRows,
    ContactPlan,
    draw_dates,
    missing_number,
    plan_contact,
    spread,
)
from sandbox.world.sizes import Sizes
from sandbox.world.truth import Outcome

SHOP: Final = "shop"
BOOKS: Final = "books"
# Of the world's people; their companies come with them.
_SHARE: Final = 8
_ORDERS_OF_A_COMPANY: Final = 5


class CompanyRow(NamedTuple):
    """A company's row; ``has_plain_tin``: a program could keep its TIN as a number."""

    id: str
    company: TrueCompany
    tin: str | None
    has_plain_tin: bool
    kpp: str | None
    ogrn: str | None
    name: str
    bank: str | None
    bank_numbers: tuple[str | None, ...]
    phones: list[str]
    email: str | None
    is_deleted: bool
    created: int
    changed: int


class ContactRow(NamedTuple):
    """A contact's row; times are seconds since the epoch, UTC."""

    id: str
    company: str | None
    names: texts.Pieces
    position: str
    phones: list[str]
    emails: list[str]
    is_deleted: bool
    created: int
    changed: int


class OrderRow(NamedTuple):
    """An order's row; ``total`` is in roubles."""

    number: int
    company: str
    contact: str | None
    state: str
    total: str
    created: int
    changed: int


class ThirdStore:
    """The rows of the store ``key``, the same for the same seed and size."""

    def __init__(self, key: str, seed: int, counts: Sizes, identities: Identities) -> None:
        self._key, self._seed, self._identities = key, seed, identities
        self._rng = Random()
        rng = Random(f"{seed}:{key}")
        self._people = array("I", rng.sample(range(counts.people), max(2, counts.people // _SHARE)))
        homes = {home for number in self._people for home in identities.person(number).homes}
        self.companies = CompanyRows(
            rng, identities, array("I", sorted(homes)), len(homes) + len(homes) // 10
        )

    def sizes(self) -> tuple[int, int, int]:
        """Returns the numbers of companies, contacts and orders."""
        companies = len(self.companies)
        return companies, len(self._people), companies * _ORDERS_OF_A_COMPANY

    def company_rows(self) -> Iterator[CompanyRow]:
        """Yields the companies."""
        return map(self._company_row, range(len(self.companies)))

    def contact_rows(self) -> Iterator[ContactRow]:
        """Yields the contacts."""
        return map(self._contact_row, range(len(self._people)))

    def order_rows(self) -> Iterator[OrderRow]:
        """Yields the orders."""
        rng = Random(f"{self._seed}:{self._key}-orders")
        companies, people, orders = self.sizes()
        for number in range(1, orders + 1):
            buyer = rng.randrange(people) if rng.random() < 0.7 else None
            created, changed = draw_dates(rng)
            yield OrderRow(
                number,
                self._company_id(spread(int(rng.random() ** 2 * companies))),
                None if buyer is None else self._contact_id(buyer),
                rng.choice(("new", "paid", "shipped", "shipped", "returned")),
                f"{int(rng.random() ** 4 * 2_000_000)}.{rng.randrange(100):02d}",
                created,
                changed,
            )

    def truth(self) -> Iterator[Outcome]:
        """Yields the expected outcome of every company and contact."""
        for row in range(len(self.companies)):
            outcome, tin = self.companies.judge(row)
            key = self._company_id(spread(row))
            yield Outcome(self._key, "company", key, outcome, (tin,) if tin else ())
        for row in range(len(self._people)):
            yield self._plan(row).outcome(self._key, self._contact_id(row), self.companies)

    def _company_id(self, number: int) -> str:
        return f"CL-{number:06d}" if self._key == SHOP else f"00-{number:08d}"

    def _contact_id(self, row: int) -> str:
        if self._key == BOOKS:
            return f"{spread(row):09d}"
        bits = Random(f"{self._seed}:{self._key}-id:{row}").getrandbits(128)
        return str(UUID(int=bits, version=4))

    def _company_row(self, row: int) -> CompanyRow:
        rng = self._rng
        rng.seed(f"{self._seed}:{self._key}-company:{row}")
        draw = rng.random
        company = self._identities.company(self.companies.companies[row])
        flaw = self.companies.flaw(row)
        name = texts.write_company(draw, company.form, company.name)
        if draw() < 0.12:
            name = texts.damage_text(draw, name)
        phones = [typed_contacts.write_landline(draw, company.landline)] if draw() < 0.85 else []
        if draw() < 0.15:
            phones.append(typed_contacts.junk_phone(draw))
        numbers: tuple[str | None, ...] = (None, None, None)
        if draw() < 0.8:
            numbers = typed_numbers.bank_numbers(company.number, company.region.code)
        return CompanyRow(
            self._company_id(spread(row)),
            company,
            typed_numbers.write_tin(draw, company.tin, company.kpp, flaw),
            flaw in ("plain", "number"),
            typed_numbers.write_kpp(draw, company.kpp, self.companies.is_branch(row)),
            typed_numbers.write_ogrn(draw, company.ogrn),
            name,
            BANKS[company.number % len(BANKS)] if numbers[0] else None,
            numbers,
            phones,
            typed_contacts.role_email(draw, company.domain) if draw() < 0.8 else None,
            self.companies.is_deleted(row),
            *draw_dates(rng),
        )

    def _plan(self, row: int) -> ContactPlan:
        self._rng.seed(f"{self._seed}:{self._key}-contact:{row}")
        person = self._identities.person(self._people[row])
        home = person.homes[int(self._rng.random() * len(person.homes))]
        plan = plan_contact(self._rng, person, (home,), self.companies)
        return plan._replace(companies=plan.companies[:1])

    def _contact_row(self, row: int) -> ContactRow:
        plan = self._plan(row)
        rng, draw = self._rng, self._rng.random
        person = plan.person
        names = texts.write_name(draw, person_names.slip(draw, person.name, person.maiden))
        return ContactRow(
            self._contact_id(row),
            self._contact_company(draw(), plan),
            names if plan.named else (None, "", " "),
            person.position,
            typed_contacts.contact_phones(rng, self._identities, person, plan.evidence),
            typed_contacts.contact_emails(rng, self._identities, person, plan.evidence),
            plan.deleted,
            *draw_dates(rng),
        )

    def _contact_company(self, draw: float, plan: ContactPlan) -> str | None:
        if not plan.companies:
            return None
        row = plan.companies[0]
        number = missing_number(draw, len(self.companies)) if row is None else spread(row)
        return self._company_id(number)
