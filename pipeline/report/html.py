"""HTML that cannot be broken by data: whatever is put into a template is escaped."""

from collections.abc import Iterable, Sequence
from html import escape


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def fill(template: str, *values: object) -> Html:
    """The template with each ``{}`` filled: ``Html`` as it is, lists of it joined, else escaped.

    >>> fill("<b>{}</b>{}", "<i>", [Html("<br>"), Html("<hr>")])
    '<b>&lt;i&gt;</b><br><hr>'
    """
    return Html(template.format(*map(_safe, values)))


def _safe(value: object) -> str:
    if isinstance(value, Html):
        return value
    if isinstance(value, Iterable) and not isinstance(value, str):
        return "".join(_safe(part) for part in value)
    return escape(str(value))


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Html:
    """A table; one of more than three columns becomes cards on a phone, each cell with its head.

    Heads that end in ``#`` are of columns of numbers.
    """
    names = [head.rstrip("#") for head in heads]
    kinds = [Html(' class="num"') if head.endswith("#") else Html("") for head in heads]
    columns = list(zip(names, kinds, strict=True))
    # As cards the parts are no table boxes any more: the roles keep it a table for screen readers.
    return fill(
        '<table role="table"{}><caption>{}</caption><thead role="rowgroup"><tr role="row">{}</tr>'
        '</thead><tbody role="rowgroup">{}</tbody></table>',
        Html(' class="cards"') if len(heads) > 3 else "",
        caption,
        [
            fill('<th role="columnheader" scope="col"{}>{}</th>', kind, name)
            for name, kind in columns
        ],
        [fill('<tr role="row">{}</tr>', _cells(columns, row)) for row in rows],
    )


def _cells(columns: Sequence[tuple[str, Html]], row: Sequence[object]) -> list[Html]:
    return [
        fill('<td role="cell"{} data-head="{}"><span>{}</span></td>', kind, name, value)
        for (name, kind), value in zip(columns, row, strict=True)
    ]


def section(anchor: str, title: str, *body: Html) -> Html:
    """A card of the report with a heading."""
    return fill('<section id="{}" class="card"><h2>{}</h2>{}</section>', anchor, title, body)


def hint(template: str, *values: object) -> Html:
    """A paragraph that explains."""
    return fill('<p class="hint">{}</p>', fill(template, *values))
