"""How many companies, people and rows a world of a given scale has, and who is in which store."""

from typing import NamedTuple


class Sizes(NamedTuple):
    """Counts of rows in the stores, and of the true companies and people behind them.

    Companies are numbered so: first those in both stores, then those in A only, then those in B
    only. So are people.
    """

    company_rows_a: int
    contact_rows_a: int
    order_rows_a: int
    organisations_b: int
    persons_b: int
    companies_both: int
    companies_a: int
    companies: int
    people_both: int
    people_a: int
    people: int

    @property
    def companies_b(self) -> int:
        """True companies that store B knows."""
        return self.companies_both + self.companies - self.companies_a

    @property
    def people_b(self) -> int:
        """True people that store B knows."""
        return self.people_both + self.people - self.people_a

    def company_of_b(self, local: int) -> int:
        """The number of the company that stands at place ``local`` among those of store B."""
        only_a = self.companies_a - self.companies_both
        return local if local < self.companies_both else local + only_a

    def person_of_b(self, local: int) -> int:
        """The number of the person who stands at place ``local`` among those of store B."""
        return local if local < self.people_both else local + self.people_a - self.people_both


def sizes(scale: float) -> Sizes:
    """Scale 1 is the real thing: 53,000 companies in A, 725,000 partners in B."""

    def scaled(count: int) -> int:
        return max(2, round(count * scale))

    companies_a, companies_both = scaled(52_200), scaled(5_300)
    people_a, people_both = scaled(45_000), scaled(11_000)
    return Sizes(
        company_rows_a=max(companies_a, scaled(53_000)),
        contact_rows_a=max(people_a, scaled(75_000)),
        order_rows_a=scaled(500_000),
        organisations_b=scaled(125_000),
        persons_b=scaled(600_000),
        companies_both=companies_both,
        companies_a=companies_a,
        companies=companies_a + scaled(123_100) - companies_both,
        people_both=people_both,
        people_a=people_a,
        people=people_a + scaled(230_000) - people_both,
    )
