"""When two contact rows may be one person: how their names agree or contradict each other."""

from collections.abc import Iterable

import msgspec

from transforms.fields import email, person
from transforms.records import Contact

# A number or box that more rows of different people share than this is nobody's own.
SHARED_BY_MANY = 3


class Name(msgspec.Struct, frozen=True):
    """A person's name for comparing: lower case, ``ё`` as ``е``; a part may be one letter."""

    last: str
    first: str
    middle: str


def name_of(contact: Contact) -> Name:
    """The contact's name for comparing."""
    return Name(
        person.compare_key(contact.last_name),
        person.compare_key(contact.first_name),
        person.compare_key(contact.middle_name),
    )


def agree(one: str, other: str) -> bool:
    """Whether two parts can be the same: equal, one unknown, or one the other's initial.

    >>> agree("петр", "петр"), agree("п", "петр"), agree("", "петр"), agree("павел", "петр")
    (True, True, True, False)
    """
    if one == other or not one or not other:
        return True
    return (len(one) == 1 or len(other) == 1) and one[0] == other[0]


def compatible(one: Name, other: Name) -> bool:
    """Whether nothing in the two names forbids that they are one person's."""
    return (
        agree(one.middle, other.middle)
        and agree(one.first, other.first)
        and agree(one.last, other.last)
    )


def overlap(one: Name, other: Name) -> bool:
    """Whether a surname or first name stands in both: an initial alone says too little."""
    return _same(one.last, other.last) or _same(one.first, other.first)


def _same(one: str, other: str) -> bool:
    return len(one) > 1 and one == other


def personal_keys(contact: Contact) -> Iterable[str]:
    """What tells a person: mobiles, numbers with an extension, e-mail boxes without a role."""
    for number in contact.phones:
        if number.startswith("+79") or ";ext=" in number:
            yield number
    for address in contact.emails:
        if not email.is_role(address):
            yield email.compare_key(address)
