"""Numbers, times and plurals as a Russian reader expects them."""

from datetime import UTC, datetime, timedelta, timezone

THIN = "\u202f"
"""The narrow no-break space that separates groups of digits."""

# The report's readers live by Moscow time, which has had one offset since 2014.
_MOSCOW = timezone(timedelta(hours=3))
_MONTHS = (
    *("января", "февраля", "марта", "апреля", "мая", "июня"),
    *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
)


def number(value: float) -> str:
    """Returns an integer with thin spaces, a fraction with a comma and one digit.

    >>> number(853000).replace(THIN, "_"), number(-1234).replace(THIN, "_"), number(0.25)
    ('853_000', '−1_234', '0,2')
    """
    digits = f"{abs(value):,}" if isinstance(value, int) else f"{abs(value):,.1f}"
    return ("−" if value < 0 else "") + digits.replace(",", THIN).replace(".", ",")


def percent(part: int, whole: int) -> str:
    """Returns the share in percent; a part is never rounded to nothing, nor to the whole.

    >>> percent(1, 3), percent(1, 100000), percent(99999, 100000), percent(0, 0)
    ('33 %', '<1 %', '>99 %', '0 %')
    """
    share = 100 * part / whole if whole else 0.0
    if 0 < share < 1:
        return "<1 %"
    if 99 < share < 100:
        return ">99 %"
    return f"{share:.0f} %"


def counted(count: int, singular: str, few: str, many: str) -> str:
    """Returns the number and its noun in the form that goes with it (1 строка, 2 строки, 5 строк).

    >>> counted(1, "строка", "строки", "строк"), counted(12, "строка", "строки", "строк")
    ('1 строка', '12 строк')
    >>> counted(22, "строка", "строки", "строк")
    '22 строки'
    """
    return f"{number(count)} {plural(count, singular, few, many)}"


def plural(count: int, singular: str, few: str, many: str) -> str:
    """Returns the form of the noun that goes with the number."""
    last_two_digits, last_digit = abs(count) % 100, abs(count) % 10
    if 11 <= last_two_digits <= 14:
        return many
    if last_digit == 1:
        return singular
    return few if 2 <= last_digit <= 4 else many


def duration(seconds: float) -> str:
    """Returns a time span in its two largest units.

    >>> duration(7.4), duration(605), duration(3 * 3600 + 62), duration(93600)
    ('7 с', '10 мин 5 с', '3 ч 1 мин', '1 дн 2 ч')
    """
    whole = round(seconds)
    parts = [
        (whole // 86400, "дн"),
        (whole % 86400 // 3600, "ч"),
        (whole % 3600 // 60, "мин"),
        (whole % 60, "с"),
    ]
    first = next((index for index, (value, _) in enumerate(parts) if value), 3)
    shown = [f"{value} {unit}" for value, unit in parts[first : first + 2] if value]
    return " ".join(shown) or "0 с"


def moment(iso: str | None) -> str:
    """Returns a time of the ledger in Moscow time; a dash for None.

    >>> moment("2026-03-01T21:30:00Z"), moment(None)
    ('2 марта 2026, 00:30', '—')
    """
    if iso is None:
        return "—"
    time = parse_time(iso).astimezone(_MOSCOW)
    return f"{time.day} {_MONTHS[time.month - 1]} {time.year}, {time:%H:%M}"


def clock(epoch_minutes: int) -> str:
    """Returns the wall clock in Moscow at a minute since the epoch.

    >>> clock(0)
    '03:00'
    """
    return f"{datetime.fromtimestamp(epoch_minutes * 60, _MOSCOW):%H:%M}"


def parse_time(iso: str) -> datetime:
    """Returns the moment that a text of the ledger (ISO 8601, UTC) stands for."""
    return datetime.strptime(iso, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
