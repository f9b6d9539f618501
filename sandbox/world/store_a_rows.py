"""The rows of store A as its database holds them: Windows-1251 bytes, a few of them UTF-8."""

import codecs
from array import array
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Final

from sandbox.world import person_names, texts, typed_contacts, typed_numbers
from sandbox.world.identities import Identities, TrueCompany
from sandbox.world.name_stock import BANKS, Region
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

Cell = bytes | int | None
Draw = Callable[[], float]

MOSCOW = timezone(timedelta(hours=3))
ORDER_STATES: Final = (b"new", b"paid", b"paid", b"shipped", b"shipped", b"shipped", b"cancelled")


def _as_windows(error: UnicodeError) -> tuple[bytes, int]:
    """Keeps byte 0x98; other characters outside Windows-1251 become "?", as in MySQL."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return b"".join(b"\x98" if letter == "\x98" else b"?" for letter in text), error.end


codecs.register_error("store_a", _as_windows)


def windows(text: str | None, width: int) -> bytes | None:
    """Encodes the text as Windows-1251, cut to the column's width."""
    return None if text is None else text.encode("cp1251", "store_a")[:width]


def utf8(text: str | None, width: int) -> bytes | None:
    """Encodes the text as UTF-8, cut to the column's width between two characters."""
    return None if text is None else text.encode()[:width].decode(errors="ignore").encode()


def moscow_time(moment: int) -> bytes:
    """Formats seconds since the epoch as the store's local time."""
    return datetime.fromtimestamp(moment, MOSCOW).strftime("%Y-%m-%d %H:%M:%S").encode()


def one_line_address(draw: Draw, region: Region, street: str, house: int) -> str:
    """Returns a postal address as one line."""
    line = f"{region.postal_code}, {region.name}, г. {region.city}, {street}, д. {house}"
    return line if draw() < 0.9 else texts.damage_text(draw, line)


class WorldA:
    """Companies, contacts and orders of store A, each row a tuple in the order of its columns."""

    def __init__(self, seed: int, counts: Sizes, identities: Identities) -> None:
        self._seed = seed
        self._counts = counts
        self._identities = identities
        self._rng = Random()
        rng = Random(f"{seed}:a")
        members = array("I", range(counts.companies_a))
        self.companies = CompanyRows(rng, identities, members, counts.company_rows_a)
        people = array("I", range(counts.people_a))
        self._people = people + array(
            "I", rng.choices(people, k=counts.contact_rows_a - len(people))
        )
        rng.shuffle(self._people)

    def company_rows(self) -> Iterator[tuple[Cell, ...]]:
        """Yields the rows of the table ``companies``."""
        return map(self._company_row, range(len(self.companies)))

    def contact_rows(self) -> Iterator[tuple[Cell, ...]]:
        """Yields the rows of the table ``contacts``."""
        return map(self._contact_row, range(len(self._people)))

    def order_rows(self) -> Iterator[tuple[Cell, ...]]:
        """Yields the rows of ``orders``; one in a hundred belongs to a missing company."""
        rng = Random(f"{self._seed}:a-orders")
        draw, companies = rng.random, len(self.companies)
        for order in range(1, self._counts.order_rows_a + 1):
            lot = draw()
            place = draw()
            company = (
                missing_number(place, companies)
                if lot < 0.01
                else spread(int(place**2 * companies))
            )
            contact = spread(int(draw() * len(self._people))) if lot > 0.3 else None
            total = f"{int(draw() ** 4 * 2_000_000)}.{int(draw() * 100):02d}".encode()
            created, changed = draw_dates(rng)
            yield (
                *(order, company, contact, f"З-{order:07d}".encode("cp1251")),
                *(ORDER_STATES[int(draw() * len(ORDER_STATES))], total, b"RUB"),
                *(moscow_time(created), moscow_time(changed)),
            )

    def truth(self) -> Iterator[Outcome]:
        """Yields the expected outcome of every company and contact."""
        for row in range(len(self.companies)):
            outcome, tin = self.companies.judge(row)
            yield Outcome("A", "company", str(spread(row)), outcome, (tin,) if tin else ())
        for row in range(len(self._people)):
            yield self._plan(row).outcome("A", str(spread(row)), self.companies)

    def _company_row(self, row: int) -> tuple[Cell, ...]:
        rng = self._rng
        rng.seed(f"{self._seed}:a-company:{row}")
        draw = rng.random
        company = self._identities.company(self.companies.companies[row])
        text = utf8 if draw() < 0.02 else windows
        name = texts.write_company(draw, company.form, company.name)
        full = f'{company.form} "{company.name}"' if draw() < 0.5 else None
        if draw() < 0.12:
            name = texts.damage_text(draw, name)
        address = one_line_address(draw, company.region, company.street, company.house)
        created, changed = draw_dates(rng)
        return (
            spread(row),
            *self._state_numbers(draw, row, company),
            *(text(name, 255), text(full, 512), text(address, 512)),
            *self._bank(draw, company),
            *self._ways_to_reach(draw, company),
            *(int(self.companies.is_deleted(row)), moscow_time(created), moscow_time(changed)),
        )

    def _state_numbers(self, draw: Draw, row: int, company: TrueCompany) -> Iterator[bytes | None]:
        tin = typed_numbers.write_tin(draw, company.tin, company.kpp, self.companies.flaw(row))
        yield windows(tin, 32)
        yield windows(typed_numbers.write_kpp(draw, company.kpp, self.companies.is_branch(row)), 32)
        yield windows(typed_numbers.write_ogrn(draw, company.ogrn), 32)

    def _bank(self, draw: Draw, company: TrueCompany) -> Iterator[bytes | None]:
        lot = draw()
        if lot < 0.2:
            yield from (None, None, None, None)
            return
        numbers: tuple[str | None, ...] = typed_numbers.bank_numbers(
            company.number, company.region.code
        )
        if lot < 0.3:
            numbers = typed_numbers.damage_bank(draw, *map(str, numbers))
        yield windows(BANKS[company.number % len(BANKS)], 255)
        yield from (windows(number, 64) for number in numbers)

    def _ways_to_reach(self, draw: Draw, company: TrueCompany) -> Iterator[bytes | None]:
        phones = [typed_contacts.write_landline(draw, company.landline)] if draw() < 0.85 else []
        if draw() < 0.15:
            phones.append(typed_contacts.junk_phone(draw))
        yield windows(typed_contacts.join_phones(draw, phones), 255) if phones else None
        email = typed_contacts.junk_email(draw)
        if draw() < 0.9:
            email = typed_contacts.role_email(draw, company.domain)
        yield windows(email, 255) if draw() < 0.8 else None
        site = ("", "www.", "https://", "HTTP://WWW.")[int(draw() * 4)] + company.domain
        yield windows(site, 255) if draw() < 0.5 else None

    def _plan(self, row: int) -> ContactPlan:
        self._rng.seed(f"{self._seed}:a-contact:{row}")
        person = self._identities.person(self._people[row])
        home = person.homes[int(self._rng.random() * len(person.homes))]
        plan = plan_contact(self._rng, person, (home,), self.companies)
        return plan._replace(companies=plan.companies[:1])

    def _contact_row(self, row: int) -> tuple[Cell, ...]:
        plan = self._plan(row)
        rng, draw = self._rng, self._rng.random
        person = plan.person
        text = utf8 if draw() < 0.02 else windows
        names = texts.write_name(draw, person_names.slip(draw, person.name, person.maiden))
        if not plan.named:
            # The last of NO_NAMES is an unseen character, which would become a question mark.
            names = texts.NO_NAMES[int(draw() * (len(texts.NO_NAMES) - 1))]
        phones = typed_contacts.contact_phones(rng, self._identities, person, plan.evidence)
        emails = typed_contacts.contact_emails(rng, self._identities, person, plan.evidence)
        created, changed = draw_dates(rng)
        return (
            spread(row),
            self._company_id(draw(), plan),
            *(text(name, 128) for name in names),
            text(person.position, 255) if draw() < 0.7 else None,
            windows(typed_contacts.join_phones(draw, phones), 255) if phones else None,
            windows(", ".join(emails), 255) if emails else None,
            *(int(plan.deleted), moscow_time(created), moscow_time(changed)),
        )

    def _company_id(self, draw: float, plan: ContactPlan) -> int | None:
        if not plan.companies:
            return None
        row = plan.companies[0]
        return missing_number(draw, len(self.companies)) if row is None else spread(row)
