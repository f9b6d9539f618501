"""The true companies and people behind the rows, each drawn from the seed and its number.

Each can be made alone and in any order, so none is kept in memory: a world of any size streams.
"""

from random import Random
from typing import NamedTuple

from sandbox.world import check_digits, name_stock, person_names
from sandbox.world.name_stock import FullName, Region
from sandbox.world.sizes import Sizes

# Type in the register, state there (None: the register does not know it), share of all companies.
_STATES: tuple[tuple[str, str | None, int], ...] = (
    ("LEGAL", "ACTIVE", 700),
    ("INDIVIDUAL", "ACTIVE", 170),
    ("LEGAL", "REORGANIZING", 15),
    ("LEGAL", "LIQUIDATED", 35),
    ("INDIVIDUAL", "LIQUIDATED", 20),
    ("LEGAL", "BANKRUPT", 15),
    ("LEGAL", "LIQUIDATING", 15),
    ("LEGAL", None, 20),
    ("INDIVIDUAL", None, 10),
)
ACTIVE = ("ACTIVE", "REORGANIZING")
_FORMS = ("ООО",) * 16 + ("АО", "АО", "ЗАО", "ПАО")
# Codes that phonenumbers accepts as mobile without exceptions; 999 is for placeholders.
_MOBILE_CODES = (*range(901, 910), *range(910, 930), *range(950, 954), *range(960, 969), 981, 982)
_MOBILES = len(_MOBILE_CODES) * 10_000_000


class TrueCompany(NamedTuple):
    """A true company; ``landline`` has ten digits, ``status`` None: the register lacks it."""

    number: int
    tin: str
    kpp: str
    ogrn: str
    individual: bool
    status: str | None
    form: str
    name: str
    region: Region
    street: str
    house: int
    landline: str
    domain: str
    head: FullName
    registered_at: int


class TruePerson(NamedTuple):
    """A true person; ``homes`` are numbers of companies, mobiles have ten digits.

    ``maiden`` is an earlier surname that some rows still have, "" when there is none.
    """

    number: int
    name: FullName
    position: str
    mobile: str
    second_mobile: str
    mailbox: str
    homes: tuple[int, ...]
    maiden: str = ""


class Identities:
    """All true companies and people of one seed and size."""

    def __init__(self, seed: int, counts: Sizes) -> None:
        self._seed = seed
        self._counts = counts
        self._rng = Random()
        rng = Random(f"{seed}:states")
        weights = [share for _, _, share in _STATES]
        self._states = bytes(rng.choices(range(len(_STATES)), weights, k=counts.companies))
        self._offset = rng.randrange(10_000_000)

    def status(self, number: int) -> str | None:
        """Returns the company's status in the register: ``ACTIVE`` …, None when it is absent."""
        return _STATES[self._states[number]][1]

    def tin(self, number: int) -> str:
        """Returns the company's valid TIN, which no other company has."""
        # A factor coprime to 10 reaches all numbers of seven digits before it repeats one.
        serial = (number * 7_654_321 + self._offset) % 10_000_000
        region = name_stock.REGIONS[number % len(name_stock.REGIONS)].code
        if _STATES[self._states[number]][0] == "INDIVIDUAL":
            return check_digits.tin(f"{region}{serial:07d}{number % 10}")
        return check_digits.tin(f"{region}{serial:07d}")

    def domain(self, number: int) -> str:
        """Returns the company's internet domain."""
        return f"firma{number}.example"

    def landline(self, number: int) -> str:
        """Returns the company's landline: area code and a number that no other company has."""
        area = name_stock.REGIONS[number % len(name_stock.REGIONS)].area
        return f"{area}{2_000_000 + (number * 654_321 + self._offset) % 7_000_000}"

    def mobile(self, slot: int) -> str:
        """Returns the mobile number of a slot; each slot has another number."""
        place = (slot * 76_543_217 + self._offset) % _MOBILES
        return f"{_MOBILE_CODES[place // 10_000_000]}{place % 10_000_000:07d}"

    def shared_mobile(self, company: int) -> str:
        """Returns the mobile at the company's reception, which many of its people give."""
        return self.mobile(2 * self._counts.people + company)

    def company(self, number: int) -> TrueCompany:
        """Returns the company with all its facts."""
        rng = self._rng
        rng.seed(f"{self._seed}:company:{number}")
        draw = rng.random
        individual = _STATES[self._states[number]][0] == "INDIVIDUAL"
        region = name_stock.REGIONS[number % len(name_stock.REGIONS)]
        tin = self.tin(number)
        head = name_stock.full_name(rng)
        registered_at = 1_104_537_600 + int(draw() * 4_000) * 86_400
        body = f"{1 + int(draw() * 23):02d}{region.code}{number % 10_000_000:07d}"
        return TrueCompany(
            number=number,
            tin=tin,
            kpp="" if individual else tin[:4] + ("01001" if draw() < 0.97 else "AB001"),
            ogrn=check_digits.ogrn(f"3{body}{number % 97:02d}" if individual else f"1{body}"),
            individual=individual,
            status=self.status(number),
            form="ИП" if individual else _FORMS[int(draw() * len(_FORMS))],
            name=" ".join(head) if individual else name_stock.company_name(rng),
            region=region,
            street=name_stock.STREETS[int(draw() * len(name_stock.STREETS))],
            house=1 + int(draw() * 150),
            landline=self.landline(number),
            domain=self.domain(number),
            head=head,
            registered_at=registered_at,
        )

    def person(self, number: int) -> TruePerson:
        """Returns the person with all their facts.

        One person in fifty is a child, brother or sister of another, with the same mobile and the
        same companies; one in three hundred has a namesake in the same company.
        """
        rng = self._rng
        rng.seed(f"{self._seed}:person:{number}")
        draw = rng.random
        name = name_stock.full_name(rng)
        position = name_stock.POSITIONS[int(draw() * len(name_stock.POSITIONS))]
        homes = self._homes(number, rng)
        initial = name_stock.latin(name.first)[0]
        mailbox = f"{initial}.{name_stock.latin(name.last)}{number}"
        mobile = self.mobile(number)
        maiden = person_names.maiden_name(rng, name)
        if number not in (0, self._counts.people_both, self._counts.people_a):
            if number % 50 == 1:
                relative = self.person(number - 1)
                name = person_names.kin(relative.name, name, child=number % 100 == 1)
                mobile, homes, maiden = relative.mobile, relative.homes, ""
            elif number % 300 == 7:
                colleague = self.person(number - 1)
                name, homes, maiden = (
                    person_names.namesake(colleague.name, name),
                    colleague.homes,
                    "",
                )
        second_mobile = self.mobile(self._counts.people + number)
        return TruePerson(number, name, position, mobile, second_mobile, mailbox, homes, maiden)

    def _homes(self, number: int, rng: Random) -> tuple[int, ...]:
        counts, draw = self._counts, rng.random
        lot = draw()
        how_many = 1 if lot < 0.9 else 2 if lot < 0.98 else 3
        # By the exponent some companies have many people, as in reality.
        places = [draw() ** 1.3 for _ in range(how_many)]
        if number < counts.people_both:
            return tuple(int(place * counts.companies_both) for place in places)
        if number < counts.people_a:
            return tuple(int(place * counts.companies_a) for place in places)
        return tuple(counts.company_of_b(int(place * counts.companies_b)) for place in places)
