"""Binds each store's cleaners to the store's key.

What comes behind the cleaners knows no store by name: it reads the stores from the ledger.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from transforms.configuration.builtin import FIRST_STORE, SECOND_STORE
from transforms.core.records import COMPANY, CONTACT, Kind, Row
from transforms.stores import clean_a, clean_b

Clean = Callable[[dict[str, Any]], Row]
"""A cleaner: the row of one raw record, or of its kept original."""

Cleaners = Mapping[Kind, Clean]
"""A store's cleaners by the kind of the record."""

_CLEANERS: Mapping[str, Cleaners] = {
    FIRST_STORE: {COMPANY: clean_a.clean_company, CONTACT: clean_a.clean_contact},
    SECOND_STORE: {COMPANY: clean_b.partner_row, CONTACT: clean_b.partner_row},
}


def cleaners() -> Iterator[tuple[str, Kind, Clean]]:
    """Yields each store's cleaner of each kind, with the store's key and the kind.

    ``svod replay`` cleans the originals of refused rows by them.
    """
    for key, cleaners_by_kind in _CLEANERS.items():
        for kind, clean in cleaners_by_kind.items():
            yield key, kind, clean
