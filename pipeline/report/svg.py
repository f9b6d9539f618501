"""Small charts that stretch to any width: shapes only, their words stand beside them as text."""

from collections.abc import Sequence

from pipeline.report.html import Html, fill

_WIDE = 1000


def _chart(height: int, css: str, label: str, shapes: Sequence[Html]) -> Html:
    return fill(
        '<svg class="{}" role="img" aria-label="{}" viewBox="0 0 {} {}"'
        ' preserveAspectRatio="none">{}</svg>',
        css,
        label,
        _WIDE,
        height,
        shapes,
    )


def _scaled(value: float, most: float, size: int = _WIDE) -> float:
    # What is there is seen, however small.
    return round(max(size * value / most, size / 250), 1) if value and most else 0.0


def funnel_step(value: int, following: int | None, most: int, label: str) -> Html:
    """A bar, and below it the flow that narrows to the following bar."""
    width = _scaled(value, most)
    shapes = [fill('<rect class="bar" width="{}" height="30"/>', width)]
    if following is not None:
        corners = f"0,30 {width},30 {_scaled(following, most)},64 0,64"
        shapes.append(fill('<polygon class="flow" points="{}"/>', corners))
    return _chart(30 if following is None else 64, "step", label, shapes)


def stacked_bar(parts: Sequence[tuple[int, str]], most: int, label: str) -> Html:
    """Parts side by side, each ``(value, css class)``; ``most`` is the full width."""
    shapes: list[Html] = []
    at = 0.0
    for value, css in parts:
        width = _scaled(value, most)
        shapes.append(fill('<rect class="{}" x="{}" width="{}" height="10"/>', css, at, width))
        at += width
    return _chart(10, "strip", label, shapes)


def columns(values: Sequence[float], most: float, css: str, label: str) -> Html:
    """One column a value, the first one left."""
    return _chart(100, f"columns {css}", label, _columns(values, most, "bar"))


def over_time(
    requests: Sequence[float], refused: Sequence[float], limit: float, most: float, label: str
) -> Html:
    """Requests as columns, refused ones at their foot, and the limit as a line."""
    height = round(100 - 100 * limit / most, 1)
    line = fill('<line class="limit" x1="0" x2="{}" y1="{}" y2="{}"/>', _WIDE, height, height)
    shapes = [*_columns(requests, most, "bar"), *_columns(refused, most, "refused"), line]
    return _chart(100, "plot", label, shapes)


def _columns(values: Sequence[float], most: float, css: str) -> list[Html]:
    step = _WIDE / max(len(values), 1)
    return [
        fill(
            '<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>',
            css,
            round(index * step + step * 0.08, 1),
            round(100 - height, 1),
            round(step * 0.84, 1),
            height,
        )
        for index, value in enumerate(values)
        if (height := _scaled(value, most, 100))
    ]
