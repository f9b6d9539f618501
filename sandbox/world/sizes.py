"""The numbers of companies, people and rows in a world of a given scale, store by store."""

from typing import NamedTuple


class Sizes(NamedTuple):
    """Counts of rows in the stores, and of the true companies and people behind them.

    The numbers of companies begin with those in both stores; those in A only and those in B only
    follow. The same holds for people.
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
        """The number of true companies in store B."""
        return self.companies_both + self.companies - self.companies_a

    @property
    def people_b(self) -> int:
        """The number of true people in store B."""
        return self.people_both + self.people - self.people_a

    def company_of_b(self, local: int) -> int:
        """Returns the number of the company at index ``local`` among those of store B."""
        only_a = self.companies_a - self.companies_both
        return local if local < self.companies_both else local + only_a

    def person_of_b(self, local: int) -> int:
        """Returns the number of the person at index ``local`` among those of store B."""
        return local if local < self.people_both else local + self.people_a - self.people_both


def sizes(scale: float) -> Sizes:
    """Returns the sizes; scale 1 is the real one: 53,000 companies in A, 725,000 partners in B."""

    def scale_count(count: int) -> int:
        return max(2, round(count * scale))

    companies_a, companies_both = scale_count(52_200), scale_count(5_300)
    people_a, people_both = scale_count(45_000), scale_count(11_000)
    return Sizes(
        company_rows_a=max(companies_a, scale_count(53_000)),
        contact_rows_a=max(people_a, scale_count(75_000)),
        order_rows_a=scale_count(500_000),
        organisations_b=scale_count(125_000),
        persons_b=scale_count(600_000),
        companies_both=companies_both,
        companies_a=companies_a,
        companies=companies_a + scale_count(123_100) - companies_both,
        people_both=people_both,
        people_a=people_a,
        people=people_a + scale_count(230_000) - people_both,
    )
