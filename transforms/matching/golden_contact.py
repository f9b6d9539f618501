"""The golden record of one person, merged from all of its rows."""

from collections.abc import Iterable, Sequence

from transforms.core.golden_records import GoldenContact, Provenance, Sourced
from transforms.core.records import Contact
from transforms.core.stores import EQUAL_PRIORITIES, Priorities
from transforms.matching.survivorship import Survivorship, newest_first

ContactRow = Sourced[Contact]


def merge_contact(
    key: str,
    rows: Iterable[ContactRow],
    tins: Iterable[str],
    priorities: Priorities = EQUAL_PRIORITIES,
) -> tuple[GoldenContact, Provenance]:
    """Returns the golden record of one person.

    It is a pure function of the set of rows and the stores' priorities.
    """
    ordered = newest_first(rows, priorities)
    survivors = Survivorship(ordered)
    golden = GoldenContact(
        key=key,
        last_name=_fullest(ordered, survivors, "last_name"),
        first_name=_fullest(ordered, survivors, "first_name"),
        middle_name=_fullest(ordered, survivors, "middle_name"),
        position=survivors.newest("position"),
        tins=tuple(sorted(set(tins))),
        phones=survivors.united("phones"),
        emails=survivors.mailboxes(),
        extra=survivors.newest_extra(),
    )
    return golden, survivors.provenance


def _fullest(ordered: Sequence[ContactRow], survivors: Survivorship[Contact], field: str) -> str:
    # An initial is true but says less than an older full name.
    for row in ordered:
        value: str = getattr(row.record, field)
        if value and len(value.rstrip(".")) > 1:
            survivors.provenance[field] = row.ref
            return value
    return survivors.newest(field)
