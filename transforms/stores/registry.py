"""Binds each store's cleaners, and the form of its ids, to the store's key."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from transforms.core.identity import RowKey
from transforms.core.records import COMPANY, CONTACT, Kind, Row
from transforms.core.stores import STORE_A, STORE_B, find_store
from transforms.stores import clean_a, clean_b

Clean = Callable[[dict[str, Any]], Row]
"""A cleaner: the row of one raw record."""


class StoreRules(NamedTuple):
    """The rules of one store: how its records become rows, and how its ids are written.

    ``cleaners`` clean a record, or its kept original, by kind. ``full_id`` returns the id that a
    person means who leaves out leading zeros.
    """

    cleaners: Mapping[Kind, Clean]
    full_id: Callable[[str], str]


RULES: Mapping[str, StoreRules] = {
    STORE_A.key: StoreRules(
        {COMPANY: clean_a.clean_company, CONTACT: clean_a.clean_contact},
        full_id=lambda source_id: source_id,
    ),
    STORE_B.key: StoreRules(
        {COMPANY: clean_b.partner_row, CONTACT: clean_b.partner_row},
        full_id=clean_b.full_partner_number,
    ),
}
"""Each store's rules by the store's key."""

_REFERENCE = re.compile(r"\s*(\w{1,16})\s*:\s*(\S.*?)\s*", re.S)


def parse_reference(text: str) -> RowKey | None:
    """The source row that a person names, with the id as typed; None when ``text`` names none.

    >>> parse_reference("A:17"), parse_reference(" в : 2000456 "), parse_reference("7805746764")
    (('A', '17'), ('B', '2000456'), None)
    """
    match = _REFERENCE.fullmatch(text)
    store = find_store(match[1]) if match else None
    return (store.key, match[2]) if match and store else None
