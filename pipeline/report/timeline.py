"""Requests to the CRM over a run, in as many columns as a chart can show."""

from collections.abc import Sequence

import msgspec

from pipeline.report.base_queries import Minute

_COLUMNS = 120


class Timeline(msgspec.Struct, frozen=True):
    """Requests a minute in columns of ``width`` minutes, from ``start`` to ``end`` (epoch minutes).

    ``refused`` are those of ``sent`` that the portal refused; ``limit`` is what it allows a minute.
    """

    start: int
    end: int
    width: int
    sent: list[float]
    refused: list[float]
    limit: float

    @property
    def middle(self) -> int:
        """The minute between start and end."""
        return (self.start + self.end) // 2

    @property
    def height(self) -> float:
        """Requests a minute at the chart's upper edge."""
        return 1.1 * max(self.limit, *self.sent)


def draw_timeline(minutes: Sequence[Minute], limit: float) -> Timeline | None:
    """Returns the averages over time; None without requests."""
    if not minutes:
        return None
    start, last = minutes[0].minute, minutes[-1].minute
    width = (last - start) // _COLUMNS + 1
    count = (last - start) // width + 1
    sent, refused = [0.0] * count, [0.0] * count
    for minute in minutes:
        sent[(minute.minute - start) // width] += minute.requests / width
        refused[(minute.minute - start) // width] += minute.refused / width
    return Timeline(start, last + 1, width, sent, refused, limit)
