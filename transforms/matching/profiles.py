"""What identifies the person behind a contact's row, and the keys by which rows find each other."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b

import msgspec

from transforms.core.records import Contact
from transforms.fields import email, person
from transforms.matching import name_forms
from transforms.matching.name_forms import full_names, in_cyrillic, is_given, is_patronymic, stem
from transforms.matching.skeletons import skeleton

HOT = 200
"""More different rows than this share a key: it says nothing of any of them, and ties nobody.

Rows that look alike count once: who stands in a thousand rows is one person all the same.
"""


class Name(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A person's name for comparing: small letters, ``ё`` as ``е``; a part may be one letter."""

    last: str
    first: str
    middle: str


class Profile(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A row as the matching sees it: the name, personal numbers and boxes, companies by TIN."""

    name: Name
    mobiles: tuple[str, ...] = ()
    boxes: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    tins: tuple[str, ...] = ()


def profile_of(contact: Contact, tins: Iterable[str]) -> Profile:
    """The contact's profile; landlines and role boxes are nobody's own and are left out."""
    return Profile(
        name_of(contact),
        tuple(sorted({one for one in contact.phones if one.startswith("+79") and ";" not in one})),
        tuple(sorted({email.compare_key(one) for one in contact.emails if not email.is_role(one)})),
        tuple(sorted({one for one in contact.phones if ";ext=" in one})),
        tuple(sorted(tins)),
    )


def name_of(contact: Contact) -> Name:
    """The contact's name for comparing, its parts where they belong."""
    return _name(contact.last_name, contact.first_name, contact.middle_name)


@lru_cache(maxsize=65536)
def _name(last: str, first: str, middle: str) -> Name:
    """The parts compared and in order.

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
    last_given, first_given = in_cyrillic(last), in_cyrillic(first)
    given = is_given(last_given), is_given(first_given)
    turned = given == (True, False) if any(given) else person.is_turned(last, first)
    if turned and last and len(first) > 1:
        return Name(first, last_given, middle)
    return Name(last, first_given, middle)


def gender_of(name: Name) -> str:
    """``m``, ``f`` or "": what the middle name says counts most, the surname least.

    >>> gender_of(Name("иванов", "анна", "")), gender_of(Name("иванова", "", ""))
    ('f', 'f')
    """
    return (
        name_forms.gender_of_middle(name.middle)
        or name_forms.gender_of_first(name.first)
        or name_forms.gender_of_last(name.last)
    )


def keys_of(profile: Profile) -> Iterator[str]:
    """The keys that rows of one person may share: numbers, boxes, and the name in each company.

    A name has two, so that a slip or another surname does not hide it: the surname's beginning
    with the first letter of the first name, and the first name with the middle name's beginning.
    """
    for mobile in profile.mobiles:
        yield f"m{mobile}"
    for box in profile.boxes:
        yield f"e{box}"
    for extension in profile.extensions:
        yield f"x{extension}"
    names = name_keys(profile.name)
    for tin in profile.tins:
        for name in names:
            yield f"n{tin} {name}"


def name_keys(name: Name) -> tuple[str, ...]:
    """The parts of a name that most of its spellings share.

    >>> name_keys(Name("иванова", "саша", "ильич")), name_keys(Name("", "петр", ""))
    (('ivano a', '*aleksandr ili'), ('*petr ',))
    """
    first = _first_key(name.first)
    keys = []
    if len(name.last) > 1:
        keys.append(f"{_last_key(name.last)} {first[:1]}")
    if len(name.first) > 1:
        middle = skeleton(name.middle)[:3] if len(name.middle) > 1 else ""
        keys.append(f"*{first} {middle}")
    return tuple(keys)


@lru_cache(maxsize=65536)
def _first_key(first: str) -> str:
    return skeleton(min(full_names(first)))


@lru_cache(maxsize=65536)
def _last_key(last: str) -> str:
    return skeleton(stem(last))[:5]


def whole_key(profile: Profile) -> int:
    """The row as a whole as a number below zero: rows that look alike share it."""
    digest = blake2b(msgspec.msgpack.encode(profile), digest_size=8).digest()
    return ~(int.from_bytes(digest) >> 1)


def digests(keys: Sequence[str]) -> list[int]:
    """The keys as 63-bit numbers: what the ledger keeps of them."""
    return [int.from_bytes(blake2b(key.encode(), digest_size=8).digest()) >> 1 for key in keys]
