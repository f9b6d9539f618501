"""What is wrong in a configuration file: found all at once, told with key and way out."""

from collections.abc import Iterable, Sequence

import msgspec
from rapidfuzz import fuzz, process

from transforms.core.errors import ConfigurationError

_LIKENESS = 60


class Problem(msgspec.Struct, frozen=True, order=True):
    """A wrong place of the file: ``key`` as ``store.shop.full.kind``, and what to do there."""

    key: str
    text: str

    def __str__(self) -> str:
        return f"{self.key}: {self.text}" if self.key else self.text


def raise_problems(file: str, problems: Sequence[Problem]) -> None:
    """Raise all problems of a file as one error; without a problem do nothing.

    Raises:
        ConfigurationError: naming the file and each key.
    """
    if len(problems) == 1:
        raise ConfigurationError(f"{file}: {problems[0]}")
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise ConfigurationError(f"{file}: {len(problems)} problems:{lines}")


def nearest_name(name: str, names: Iterable[str]) -> str:
    """Returns the known name that a person probably means; an empty text when none is like it.

    >>> nearest_name("chnaged_at", ["changed_at", "created_at"]), nearest_name("x", ["only"])
    ('changed_at', '')
    """
    match = process.extractOne(
        name, list(names), scorer=fuzz.ratio, processor=str.lower, score_cutoff=_LIKENESS
    )
    return match[0] if match else ""


def unknown_name(kind: str, name: str, names: Iterable[str]) -> str:
    """Returns what to say of a name that is not known: the nearest one, else all.

    >>> unknown_name("key", "tim", ["tin", "kpp"])
    'there is no key tim: did you mean tin?'
    >>> unknown_name("key", "abc", ["tin", "kpp"])
    'there is no key abc: known are kpp, tin'
    """
    known_names = sorted(names)
    if nearest := nearest_name(name, known_names):
        return f"there is no {kind} {name}: did you mean {nearest}?"
    return f"there is no {kind} {name}: known are {', '.join(known_names)}"
