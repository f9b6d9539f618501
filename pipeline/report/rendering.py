"""Pages from templates: files ``*.html.j2`` below ``pipeline/``, each in the room that fills it.

Whatever a template prints is escaped, and a name that it was not given is an error.
"""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.report import numbers, russian
from pipeline.report.store_bars import store_parts


def render_template(name: str, **values: object) -> str:
    """Returns the page of the template ``name``, a path below ``pipeline/``.

    Raises:
        jinja2.TemplateError: the template is missing, malformed, or uses an undefined name.
    """
    return _environment().get_template(name).render(values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipeline", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "number": numbers.number,
        "percent": numbers.percent,
        "counted": numbers.counted,
        "duration": numbers.duration,
        "moment": numbers.moment,
        "clock": numbers.clock,
        "reason": russian.reason,
        "command": russian.command,
        "of_stores": russian.of_stores,
        "from_stores": russian.from_stores,
        "store_parts": store_parts,
    }
    environment.globals |= {
        "scaled": scaled,
        "KINDS": russian.KINDS,
        "REMEDIES": russian.REMEDIES,
        "STATUSES": russian.STATUSES,
        "FIELDS": russian.FIELDS,
        "PROBLEMS": russian.PROBLEMS,
        "DEAD_LETTERS": russian.DEAD_LETTERS,
        "STAGES": russian.STAGES,
        "LOSSES": russian.LOSSES,
    }
    return environment


def scaled(value: float, most: float, size: int = 1000) -> float:
    """Returns the length of ``value`` on a chart where ``most`` is ``size`` long.

    A value above 0 gets a length that can be seen.

    >>> scaled(1, 4), scaled(1, 100_000), scaled(0, 4), scaled(50, 100, size=100)
    (250.0, 4.0, 0.0, 50.0)
    """
    return round(max(size * value / most, size / 250), 1) if value and most else 0.0
