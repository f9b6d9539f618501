"""Profiles: what identifies the person behind a contact's row."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import msgspec

from transforms.core.records import Contact
from transforms.fields import email, person
from transforms.matching.name_forms import (
    gender_of_first,
    gender_of_last,
    gender_of_middle,
    in_cyrillic,
    is_given,
    is_patronymic,
)


class Name(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A person's name for comparing: small letters, ``ё`` as ``е``; a part may be one letter."""

    last: str
    first: str
    middle: str


class Profile(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A row as the matching sees it. Rows with equal profiles look alike.

    ``mailboxes`` are e-mail addresses as ``email.compare_key`` writes them, ``extensions`` phones
    with one, ``tins`` the companies. All are sorted.
    """

    name: Name
    mobiles: tuple[str, ...] = ()
    mailboxes: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    tins: tuple[str, ...] = ()


def profile_of(contact: Contact, tins: Iterable[str]) -> Profile:
    """Returns the contact's profile, without landlines and role mailboxes, which people share."""
    phones, emails = contact.phones, contact.emails
    return Profile(
        name_of(contact),
        _in_order([phone for phone in phones if phone.startswith("+79") and ";" not in phone]),
        _in_order([email.compare_key(box) for box in emails if not email.is_role(box)]),
        _in_order([phone for phone in phones if ";ext=" in phone]),
        tuple(sorted(tins)),
    )


def _in_order(values: list[str]) -> tuple[str, ...]:
    # Most rows have one value or none.
    return tuple(sorted(set(values))) if len(values) > 1 else tuple(values)


def name_of(contact: Contact) -> Name:
    """Returns the contact's name for comparing, with each part in its place."""
    return _name(contact.last_name, contact.first_name, contact.middle_name)


@lru_cache(maxsize=65536)
def _name(last: str, first: str, middle: str) -> Name:
    """Returns the parts for comparing, put in order.

    >>> _name("Пётр", "Иванов", "Ильич"), _name("Анна", "Сергеевна", "Иванова").last
    (Name(last='иванов', first='петр', middle='ильич'), 'иванова')
    >>> _name("Айдос", "Каримов", "") == _name("Каримов", "Айдос", "")
    True
    >>> _name("Ivanov", "Petr", "I.")
    Name(last='ivanov', first='петр', middle='i')
    """
    last, first, middle = (person.compare_key(part) for part in (last, first, middle))
    if is_patronymic(first) and not is_patronymic(middle) and last:
        last, first, middle = middle, last, first
    last_in_cyrillic, first_in_cyrillic = in_cyrillic(last), in_cyrillic(first)
    are_given = is_given(last_in_cyrillic), is_given(first_in_cyrillic)
    turned = are_given == (True, False) if any(are_given) else person.is_swapped(last, first)
    if turned and last and len(first) > 1:
        return Name(first, last_in_cyrillic, middle)
    return Name(last, first_in_cyrillic, middle)


def gender_of(name: Name) -> str:
    """Returns ``m``, ``f`` or "": the middle name tells it best, the surname least.

    >>> gender_of(Name("иванов", "анна", "")), gender_of(Name("иванова", "", ""))
    ('f', 'f')
    """
    return gender_of_middle(name.middle) or gender_of_first(name.first) or gender_of_last(name.last)


def align_name_parts(profiles: Mapping[str, Profile]) -> Mapping[str, Profile]:
    """Returns the rows with names that stand both ways round as most of the rows have them.

    Of ``Ван Ли`` and ``Ли Ван`` only the usual order, or the names themselves, tell which is right.
    """
    turned = _turned_names([profile.name for profile in profiles.values()])
    if not turned:
        return profiles
    return {
        ref: msgspec.structs.replace(profile, name=Name(name.first, name.last, name.middle))
        if ((name := profile.name).last, name.first) in turned
        else profile
        for ref, profile in profiles.items()
    }


def _turned_names(names: Sequence[Name]) -> set[tuple[str, str]]:
    """Returns (last, first) of the names that more rows have the other way round."""
    lasts = {name.last for name in names}
    if lasts.isdisjoint([name.first for name in names]):
        return set()
    counts = Counter((name.last, name.first) for name in names)
    return {
        (last, first)
        for (last, first), count in counts.items()
        if len(last) > 1
        and len(first) > 1
        and (counts[first, last], (first, last)) > (count, (last, first))
    }
