"""The business partners of store B as SAP exports them, stale versions and copies included."""

from array import array
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from typing import Any, Final

from sandbox.world import person_names, shapes, texts, typed_contacts, typed_numbers
from sandbox.world.identities import Identities, TrueCompany
from sandbox.world.name_stock import BANKS
from sandbox.world.rows import (
    YEAR,
    CompanyRows,
    ContactPlan,
    draw_dates,
    missing_number,
    plan_contact,
    spread,
)
from sandbox.world.sizes import Sizes
from sandbox.world.truth import Outcome
from sandbox.world.typed_numbers import SHARES

Draw = Callable[[], float]
Partner = dict[str, Any]

_ZONES: Final = (*[timezone(timedelta(hours=3))] * 17, UTC, timezone(timedelta(hours=7)))
_FLAWS: Final = tuple(SHARES)


def organisation_id(row: int) -> str:
    """Returns the partner number of an organisation's row."""
    return f"{1_000_000 + spread(row):010d}"


def person_id(row: int) -> str:
    """Returns the partner number of a person's row."""
    return f"{20_000_000 + spread(row):010d}"


class WorldB:
    """Organisations and persons of store B in the mixed order of its exports."""

    def __init__(self, seed: int, counts: Sizes, identities: Identities) -> None:
        self._seed = seed
        self._identities = identities
        self._rng = Random()
        self._clock = Random()
        rng = Random(f"{seed}:b")
        members = array("I", map(counts.company_of_b, range(counts.companies_b)))
        self.companies = CompanyRows(rng, identities, members, counts.organisations_b)
        people = array("I", map(counts.person_of_b, range(counts.people_b)))
        self._people = people + array("I", rng.choices(people, k=counts.persons_b - len(people)))
        rng.shuffle(self._people)
        partners = range(len(self.companies) + len(self._people))
        # One partner in a hundred is repeated; places past the last partner are the repeats.
        self._repeats = array("I", rng.choices(partners, k=max(3, len(partners) // 100)))
        self._repeated = frozenset(self._repeats)
        self._order = array("I", range(len(partners) + len(self._repeats)))
        rng.shuffle(self._order)

    def __len__(self) -> int:
        return len(self._order)

    def partners(self) -> Iterator[Partner]:
        """Yields all partners in the order of the exports, organisations and persons mixed."""
        return map(self._partner, self._order)

    def truth(self) -> Iterator[Outcome]:
        """Yields the expected outcome of every partner, by its newest version."""
        for row in range(len(self.companies)):
            outcome, tin = self.companies.judge(row)
            yield Outcome("B", "company", organisation_id(row), outcome, (tin,) if tin else ())
        for row in range(len(self._people)):
            yield self._plan(row, 0).outcome("B", person_id(row), self.companies)

    def _partner(self, place: int) -> Partner:
        # Every third repeat is an exact copy, the others are older versions.
        version = 0
        if (repeat := place - len(self.companies) - len(self._people)) >= 0:
            place = self._repeats[repeat]
            version = 0 if repeat % 3 == 0 else 1
        if place < len(self.companies):
            return self._organisation(place, version)
        return self._person(place - len(self.companies), version)

    def _dates(self, place: int, version: int) -> dict[str, str | None]:
        draw = self._rng.random
        zone, lot = _ZONES[int(draw() * len(_ZONES))], draw()
        if version and lot > 0.7:
            # Older by less than the zones differ: compared as text it seems the newest.
            zone = _ZONES[-1]
        # All versions draw the newest one's moments, so that an older one gets an earlier date.
        self._clock.seed(f"{self._seed}:b-dates:{place}")
        created, changed = draw_dates(self._clock)
        if version:
            changed -= 1 + int(lot * (YEAR if lot < 0.7 else 7_200))
        changed_text = datetime.fromtimestamp(changed, zone).isoformat().replace("+00:00", "Z")
        if lot < 0.02:
            changed_text = changed_text[:19] + ".250" + changed_text[19:]
        is_dated = not 0.02 < lot < 0.025 or place in self._repeated
        return {
            "created_at": datetime.fromtimestamp(created, zone).isoformat(),
            "changed_at": changed_text if is_dated else None,
        }

    def _organisation(self, row: int, version: int) -> Partner:
        rng = self._rng
        rng.seed(f"{self._seed}:b-organisation:{row}:{version}")
        draw = rng.random
        company = self._identities.company(self.companies.companies[row])
        flaw, deleted = self.companies.flaw(row), self.companies.is_deleted(row)
        if version:
            flaw, deleted = _FLAWS[int(draw() * len(_FLAWS))], draw() < 0.1
        name = texts.write_company(draw, company.form, company.name)
        if draw() < 0.12:
            name = texts.damage_text(draw, name)
        partner: Partner = {
            "partner": organisation_id(row),
            "category": "2" if draw() < 0.98 else 2,
            "name1": name,
            "name2": None if draw() < 0.9 else texts.HOSTILE[int(draw() * 10)],
            "legal_form": company.form if draw() < 0.8 else None,
            "taxnumbers": self._tax_numbers(draw, company, flaw, self.companies.is_branch(row)),
            "addresses": self._addresses(draw, company),
            "bankdetails": self._bank_details(draw, company),
            **self._ways_to_reach(draw, company),
            "orders": self._orders(draw),
            "deleted": deleted,
            **self._dates(row, version),
        }
        shapes.damage_shape(draw, partner, shapes.ORGANISATION_FIELDS)
        return partner

    def _tax_numbers(self, draw: Draw, company: TrueCompany, flaw: str, branch: bool) -> Any:
        tin: str | int | None = typed_numbers.write_tin(draw, company.tin, company.kpp, flaw)
        if flaw == "missing" and draw() < 0.5:
            return shapes.no_tax_numbers(draw)
        if flaw == "number" and draw() < 0.8:
            tin = int(company.tin)
        kpp = typed_numbers.write_kpp(draw, company.kpp, branch)
        ogrn = typed_numbers.write_ogrn(draw, company.ogrn)
        numbers = [{"type": "INN", "number": tin}, {"type": "OGRN", "number": ogrn}]
        if kpp is not None:
            numbers.insert(int(draw() * 3), {"type": "KPP", "number": kpp})
        return numbers if draw() < 0.99 else [None, *numbers, {"type": "INN_OLD"}, "?"]

    def _addresses(self, draw: Draw, company: TrueCompany) -> list[Partner]:
        region, street, house = company.region, company.street, company.house
        address = {
            "kind": "legal",
            "postal_code": region.postal_code if draw() < 0.95 else int(region.postal_code),
            "region": region.name,
            "city": region.city,
            "street": street,
            "house": str(house),
            "text": f"{region.postal_code}, {region.name}, г. {region.city}, {street}, д. {house}",
        }
        if draw() < 0.1:
            address["text"] = texts.damage_text(draw, str(address["text"]))
        return [address] if draw() < 0.9 else [address, {"kind": "actual", "city": region.city}]

    def _bank_details(self, draw: Draw, company: TrueCompany) -> list[dict[str, str | None]]:
        if draw() < 0.25:
            return []
        numbers: tuple[str | None, ...] = typed_numbers.bank_numbers(
            company.number, company.region.code
        )
        if draw() < 0.1:
            numbers = typed_numbers.damage_bank(draw, *map(str, numbers))
        bik, account, corr_account = numbers
        bank = BANKS[company.number % len(BANKS)]
        return [{"bank": bank, "bik": bik, "account": account, "corr_account": corr_account}]

    def _ways_to_reach(self, draw: Draw, company: TrueCompany) -> Partner:
        phones = [typed_contacts.write_landline(draw, company.landline)] if draw() < 0.85 else []
        if draw() < 0.15:
            phones.append(typed_contacts.junk_phone(draw))
        emails = [typed_contacts.role_email(draw, company.domain)] if draw() < 0.8 else []
        if draw() < 0.1:
            emails.append(typed_contacts.junk_email(draw))
        site = f"https://{company.domain}/" if draw() < 0.4 else None
        return {"phones": self._as_list(draw, phones), "emails": emails, "site": site}

    def _as_list(self, draw: Draw, phones: list[str]) -> list[str] | str:
        """Returns the list, or rarely all numbers as one text, in a list or without it."""
        lot = draw()
        if lot < 0.1 and phones:
            joined = typed_contacts.join_phones(draw, phones)
            return joined if lot < 0.04 else [joined]
        return phones

    def _orders(self, draw: Draw) -> Partner | None:
        count = int(draw() ** 3 * 60)
        if not count:
            return None if draw() < 0.5 else {"count": 0, "total": "0", "currency": "RUB"}
        total = f"{int(draw() ** 4 * 4_000_000)}.{int(draw() * 100):02d}"
        day = f"20{19 + int(draw() * 6)}-{1 + int(draw() * 12):02d}-{1 + int(draw() * 28):02d}"
        return {"count": count, "total": total, "currency": "RUB", "last_at": day}

    def _plan(self, row: int, version: int) -> ContactPlan:
        self._rng.seed(f"{self._seed}:b-person:{row}:{version}")
        person = self._identities.person(self._people[row])
        return plan_contact(self._rng, person, person.homes, self.companies)

    def _person(self, row: int, version: int) -> Partner:
        plan = self._plan(row, version)
        rng, draw = self._rng, self._rng.random
        person = plan.person
        last, first, middle = texts.write_name(
            draw, person_names.slip(draw, person.name, person.maiden)
        )
        if not plan.named:
            last, first, middle = texts.NO_NAMES[int(draw() * len(texts.NO_NAMES))]
        phones = typed_contacts.contact_phones(rng, self._identities, person, plan.evidence)
        partner: Partner = {
            "partner": person_id(row),
            "category": "1" if draw() < 0.98 else 1,
            "last_name": last,
            "first_name": first,
            "middle_name": middle,
            "position": person.position if draw() < 0.7 else None,
            "contact_of": self._contact_of(draw, plan),
            "phones": self._as_list(draw, phones),
            "emails": typed_contacts.contact_emails(rng, self._identities, person, plan.evidence),
            "deleted": plan.deleted,
            **self._dates(len(self.companies) + row, version),
        }
        shapes.damage_shape(draw, partner, shapes.person_fields(plan.evidence))
        return partner

    def _contact_of(self, draw: Draw, plan: ContactPlan) -> Any:
        partners = [
            f"{1_000_000 + missing_number(draw(), len(self.companies)):010d}"
            if row is None
            else organisation_id(row)
            for row in plan.companies
        ]
        return shapes.damage_references(draw, partners)
