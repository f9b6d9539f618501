"""The findings of ``svod check`` as lines, and as a page."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader

from pipeline.check.fields import TableCheck
from pipeline.check.places import Reached
from transforms.core.errors import ConfigurationError

_WIDTHS = "{:<14}{:>8}{:>8}{:>8}  {}"


def text_lines(places: Sequence[Reached], tables: Sequence[TableCheck]) -> Iterator[str]:
    """Yields the lines for the terminal; problems are not among them."""
    for place in places:
        if not place.problem:
            yield f"{place.name}: good"
        yield from (f"{place.name}: warning: {warning}" for warning in place.warnings)
    for table in tables:
        yield ""
        yield table_title(table)
        yield _WIDTHS.format("field", "filled", "good", "noted", "examples")
        for field in table.fields:
            examples = "; ".join(field.examples)
            line = _WIDTHS.format(field.name, field.filled, field.good, field.noted, examples)
            yield line.rstrip()


def table_title(table: TableCheck) -> str:
    """Returns the line above a table."""
    parts = [f"{table.read} records"]
    if table.outside:
        parts.append(f"{table.outside} left out by only")
    parts += [f"{count} refused ({reason})" for reason, count in table.reasons.most_common()]
    return f"store {table.store}, {table.kind}: {', '.join(parts)}"


def write_page(file: Path, places: Sequence[Reached], tables: Sequence[TableCheck]) -> None:
    """Write the page that the store's owner can look at.

    Raises:
        ConfigurationError: it cannot be written.
    """
    environment = Environment(loader=PackageLoader("pipeline.check", "."), autoescape=True)
    template = environment.get_template("page.html.j2")
    page = template.render(places=places, tables=tables, title=table_title)
    try:
        file.write_text(page, "utf-8")
    except OSError as error:
        raise ConfigurationError(f"--page: cannot write {file}: {error.strerror}") from None
