"""Ids of a store's records: texts as they are, or numbers with so many digits.

Source: contracts/configuration.

>>> [IdForm().read(value) for value in (" 0017 ", 17, 17.0, True, [], None)]
['0017', '17', '17', '', '', '']
>>> [form_of("digits:10").read(value) for value in (1, "1", "00000000000001", "K-17", 0)]
['0000000001', '0000000001', '0000000001', 'K-17', '']
"""

import re
from collections.abc import Iterable
from itertools import chain
from uuid import UUID

import msgspec

from transforms.core.records import Note
from transforms.fields import text

LONGEST_ID = 64
_BETWEEN_NUMBERS = re.compile(r"[\s,;/|]+")
_BETWEEN_TEXTS = re.compile(r"\s*[,;\n]\s*")


class IdForm(msgspec.Struct, frozen=True):
    """How a store writes ids: ``digits`` is the length of those that are numbers, 0: texts."""

    digits: int = 0

    def read(self, value: object) -> str:
        """Returns the id in any JSON value, an empty text when there is none."""
        if isinstance(value, str):
            source_id = value.strip() if value.isprintable() else text.clean(value)
            return self.full(source_id) if len(source_id) <= LONGEST_ID else ""
        if isinstance(value, UUID):
            return str(value)
        number = text.integer(value)
        if number is None or (self.digits and number < 1):
            return ""
        return self.full(str(number))

    def full(self, source_id: str) -> str:
        """Returns an id with the leading zeros that people and numbers leave out.

        >>> form_of("digits:10").full("1000123"), IdForm().full("017")
        ('0001000123', '017')
        """
        if not self.digits or not _is_number(source_id):
            return source_id
        return source_id.lstrip("0").zfill(self.digits)

    def read_several(self, value: object) -> tuple[tuple[str, ...], text.Notes]:
        """Returns the companies' ids in a list, or in a text or number.

        >>> form_of("digits:10").read_several("0001000123, 1000124")[0]
        ('0001000123', '0001000124')
        >>> IdForm().read_several("CUST 17; CUST 18")[0]
        ('CUST 17', 'CUST 18')
        """
        single = value[0] if isinstance(value, list) and len(value) == 1 else value
        if type(single) is str and len(single) == self.digits and _is_number(single):
            return (single,), ()
        if type(single) is str and single.isalnum() and 1 < len(single) <= LONGEST_ID:
            return ((source_id,) if (source_id := self.full(single)) else ()), ()
        if type(single) is int and single > 0:
            return (self.full(str(single)),), ()
        leaves, notes = text.leaf_values(value, "company_ids")
        ids: dict[str, None] = {}
        for part in chain.from_iterable(map(self._split, leaves)):
            if self._is_empty(part):
                continue
            if source_id := self.read(part):
                ids[source_id] = None
            else:
                notes += (Note("company_ids", "unreadable", text.excerpt(part)),)
        return tuple(ids), notes

    def _split(self, leaf: object) -> Iterable[object]:
        if not isinstance(leaf, str):
            return [leaf]
        between = _BETWEEN_NUMBERS if self.digits else _BETWEEN_TEXTS
        return filter(None, between.split(leaf))

    def _is_empty(self, part: object) -> bool:
        """Whether a value says that there is no company, as 0 does."""
        return not part.strip("0 ") if isinstance(part, str) else part == 0


def _is_number(source_id: str) -> bool:
    return source_id.isascii() and source_id.isdigit()


def form_of(text: str | None) -> IdForm:
    """Returns the form that the file's ``id_form`` says.

    >>> form_of(None), form_of("digits:10")
    (IdForm(digits=0), IdForm(digits=10))
    """
    return IdForm(int(text.partition(":")[2])) if text else IdForm()
