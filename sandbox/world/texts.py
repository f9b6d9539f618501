"""Names of companies and people and other text, as people typed them."""

from collections.abc import Callable
from typing import Final

from sandbox.world.name_stock import LEGAL_FORMS, FullName

Draw = Callable[[], float]
Pieces = tuple[str | None, str | None, str | None]

# Cyrillic letters, and the Latin ones that look the same.
LOOK_ALIKES: Final = str.maketrans("АВЕКМНОРСТХаеорсух", "ABEKMHOPCTXaeopcyx")
# Invisible characters: zero width, controls, the byte that Windows-1251 does not define.
UNSEEN: Final = ("\u200b", "\ufeff", "\x07", "\x00", "\u00ad", "\x98", "\u200d", "\x1f", "\t", "\n")
HOSTILE: Final = (
    "$result[c0001]",
    "$result[add][ID]",
    "$next",
    "$total[x]",
    "'; DROP TABLE companies; --",
    "<b>жирный</b>",
    "\\N",
    "a&b=c%20d",
    "🙂",
    "👩‍🔧 мастер",
)
NO_NAMES: Final[tuple[Pieces, ...]] = (
    (None, None, None),
    ("", "", ""),
    (" ", None, "\xa0"),
    ("-", "-", None),
    (".", "", ""),
    ("\u200b", None, None),
)


def insert(draw: Draw, text: str, insertion: str) -> str:
    """Returns the text with ``insertion`` at a random place."""
    place = int(draw() * (len(text) + 1))
    return text[:place] + insertion + text[place:]


def unseen_character(draw: Draw) -> str:
    """Draws an invisible character."""
    return UNSEEN[int(draw() * len(UNSEEN))]


def _without_yo(text: str) -> str:
    return text.replace("ё", "е").replace("Ё", "Е")


def damage_text(draw: Draw, text: str) -> str:
    """Returns the text damaged in one way."""
    lot = int(draw() * 9)
    if lot == 0:
        return text.upper()
    if lot == 1:
        return text.lower()
    if lot == 2:
        return f"  {text.replace(' ', '   ')} "
    if lot == 3:
        return insert(draw, text, unseen_character(draw))
    if lot == 4:
        return text.translate(LOOK_ALIKES)
    if lot == 5:
        return _without_yo(text)
    if lot == 6:
        return f"{text} {HOSTILE[int(draw() * len(HOSTILE))]}"
    if lot == 7:
        return text.replace(" ", "\xa0")
    return f"{text} {'очень длинное примечание ' * (3 + int(draw() * 40))}"


def write_company(draw: Draw, form: str, name: str) -> str:
    """Returns legal form and name in one of the usual orders and quotes."""
    lot = int(draw() * 14)
    full = LEGAL_FORMS[form][1]
    if lot < 5:
        return f'{form} "{name}"'
    return (
        f"{form} «{name}»",
        f'{form}  "{name}"',
        f"{form} {name}",
        f"{name}, {form}",
        f'{full} "{name}"',
        f'{full.upper()} "{name.upper()}"',
        f'{form} "Торговый дом "{name}"',
        f"{form} «Торговый дом „{name}“»",
        f'{form.translate(LOOK_ALIKES)} "{name}"',
    )[lot - 5]


def write_name(draw: Draw, name: FullName) -> Pieces:
    """Returns last, first and middle name as three fields of a row."""
    lot = draw()
    if lot < 0.5:
        return name
    last, first, middle = name
    if lot < 0.6:
        return _without_yo(last), _without_yo(first), _without_yo(middle)
    if lot < 0.72:
        return last, first, None if draw() < 0.5 else ""
    if lot < 0.86:
        return _in_one_field(draw, name)
    if lot < 0.9:
        return last.upper(), first.upper(), middle.upper()
    if lot < 0.93:
        return last, f"{first[0]}.", f"{middle[0]}."
    if lot < 0.95:
        return None, first, middle if draw() < 0.5 else None
    fields = [last, first, middle]
    place = int(draw() * 3)
    fields[place] = _damage_name(draw, fields[place])
    return fields[0], fields[1], fields[2]


def _in_one_field(draw: Draw, name: FullName) -> Pieces:
    last, first, middle = name
    variant = (
        f"{last} {first} {middle}",
        f"{last} {first} {middle}".upper(),
        f"{last} {first[0]}. {middle[0]}.",
        f"{last} {first[0]}.{middle[0]}.",
        f"{last}  {first}",
        f" {last} {first} {middle} ",
    )[int(draw() * 6)]
    return (variant, None, None) if draw() < 0.8 else (None, variant, "")


def _damage_name(draw: Draw, text: str) -> str:
    lot = int(draw() * 5)
    if lot == 0:
        return text.lower()
    if lot == 1:
        return text.translate(LOOK_ALIKES)
    if lot == 2:
        return insert(draw, text, unseen_character(draw))
    return f"  {text} " if lot == 3 else f"{text}\xa0"
