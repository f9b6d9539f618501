"""A company's orders in one store: their number, sum in kopecks, and last day in Moscow.

>>> parse(12, "154300.50", "2024-03-02")[0]
Orders(count=12, total=15430050, last_on='2024-03-02')
>>> parse(0, None, None), parse("3", "1 000,5", None)[0]
((None, ()), Orders(count=3, total=100050, last_on=''))
>>> parse("много", None, None)
(None, (Note(field='orders', problem='unreadable', value='много'),))
"""

import re
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from transforms.core.records import Note, Orders
from transforms.fields import moments, text
from transforms.fields.placeholders import words

_ROUBLES = words("RUB RUR 643 РУБ РУБ. ₽")
_USUAL = re.compile(r"([0-9]+)(?:\.([0-9]{2}))?").fullmatch
_SHORT = 12
_LONGEST = 40
_MOST = 10**13


def parse(
    count: object, total: object, last_at: object, currency: object = None
) -> tuple[Orders | None, text.Notes]:
    """Returns the orders in any JSON values, None for none; a sum not in roubles is left out."""
    last_on, notes = moments.moscow_date(last_at, "orders")
    kopecks, total_notes = _kopecks(total)
    number, count_notes = _count(count)
    notes += total_notes + count_notes
    if currency is not None and currency != "RUB":
        unit = text.excerpt(currency)
        if unit and not is_roubles(unit):
            notes += (
                Note("orders", "not_in_roubles", text.excerpt(f"{text.excerpt(total)} {unit}")),
            )
            kopecks = 0
    return (Orders(number, kopecks, last_on) if number or kopecks or last_on else None), notes


def is_roubles(currency: str) -> bool:
    """Whether a currency is the rouble, as people and programs write it.

    >>> is_roubles("rub "), is_roubles("руб."), is_roubles("USD")
    (True, True, False)
    """
    return currency.strip().upper() in _ROUBLES


def amount(value: object) -> Decimal:
    """Returns a sum of money; 0 when it cannot be read.

    >>> amount("1 000,5"), amount(None), amount("много")
    (Decimal('1000.5'), Decimal('0'), Decimal('0'))
    """
    return _amount(value) or Decimal(0)


def _count(value: object) -> tuple[int, text.Notes]:
    kopecks, notes = _kopecks(value)
    if kopecks < 0 or kopecks % 100:
        return 0, (Note("orders", "unreadable", text.excerpt(value)),)
    return kopecks // 100, notes


def _kopecks(value: object) -> tuple[int, text.Notes]:
    if value is None or value == "":
        return 0, ()
    if type(value) is int and 0 <= value < _MOST:
        return value * 100, ()
    if isinstance(value, str) and len(value) <= _SHORT and (usual := _USUAL(value)):
        return int(usual[1]) * 100 + int(usual[2] or 0), ()
    amount = _amount(value)
    if amount is None:
        return 0, (Note("orders", "unreadable", text.excerpt(value)),)
    return int((amount * 100).to_integral_value(ROUND_HALF_UP)), ()


def _amount(value: object) -> Decimal | None:
    amount = _decimal(value)
    is_plausible = amount is not None and amount.is_finite() and abs(amount) < _MOST
    return amount if is_plausible else None


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int) and abs(value) >= _MOST:
        return None
    if isinstance(value, int | float | Decimal):
        # Converted by way of text: 0.1 is ten kopecks, not the nearest binary fraction.
        return Decimal(str(value))
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    try:
        return Decimal("".join(value.split()).replace(",", "."))
    except InvalidOperation:
        return None
