"""A plan in three files: JSON lines for ``svod apply``, text and a page for people."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TextIO

import msgspec

from pipeline.report.rendering import render_template
from transforms.core.errors import ConfigurationError
from transforms.core.outcomes import UNCHANGED
from transforms.crm.limits.forecast import Forecast
from transforms.crm.planner import CREATE, SKIP, UPDATE, Planned

# A browser shows this many rows without trouble; the other files have them all.
_MOST_ROWS = 2000
_PLURAL = {"company": "companies", "contact": "contacts"}


class Totals(msgspec.Struct, frozen=True):
    """The plan as a whole: ``counts`` by kind and action, and a forecast of the load."""

    run_id: str
    counts: dict[str, dict[str, int]]
    forecast: Forecast
    plan: int = 1

    def lines(self) -> Iterator[str]:
        """The plan as a whole in a few lines, for people."""
        for kind, counts in self.counts.items():
            writes = ", ".join(f"{counts.get(name, 0):,} to {name}" for name in (CREATE, UPDATE))
            yield f"{_PLURAL[kind]}: {writes}, {counts.get(SKIP, 0):,} stay as they are"
        expected = self.forecast
        basis = "measured" if expected.measured else "usual"
        yield (
            f"some {timedelta(seconds=expected.seconds)} at the portal's limits"
            f" ({expected.requests:,} requests; {basis} costs; the scarcest is {expected.scarce})"
        )


class PlanFile:
    """Writes a plan line by line; readable by its owner only, for it names customers."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._page_records: list[Planned] = []

    def __enter__(self) -> "PlanFile":
        try:
            self._lines = private_file(self._path)
            self._text = private_file(self._path.with_suffix(".txt"))
        except OSError as error:
            raise ConfigurationError(
                f"--plan: cannot write {self._path}: {error.strerror}"
            ) from None
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._text.close()

    def add(self, record: Planned) -> None:
        """Write one record; people do not see those that are skipped as unchanged."""
        self._lines.write(msgspec.json.encode(record).decode() + "\n")
        if record.action == SKIP and record.reason == UNCHANGED:
            return
        heading = f"{record.action} {record.kind} {record.key} {record.title} {record.reason}"
        self._text.write(f"{heading.strip()}\n")
        for name, (before, after) in record.fields.items():
            self._text.write(f"    {name}: {_readable(before)} -> {_readable(after)}\n")
        if len(self._page_records) < _MOST_ROWS:
            self._page_records.append(record)

    def finish(self, totals: Totals) -> None:
        """Write the plan as a whole below its records, and the page."""
        self._lines.write(msgspec.json.encode(totals).decode() + "\n")
        self._text.writelines(f"{line}\n" for line in totals.lines())
        with private_file(self._path.with_suffix(".html")) as page:
            page.write(
                render_template(
                    "plan/page.html.j2",
                    totals=totals,
                    records=self._page_records,
                    most=_MOST_ROWS,
                    shown=_readable,
                )
            )


def read_plan(path: Path) -> Iterator[Planned]:
    """The records of a plan.

    Raises:
        ConfigurationError: when the file is not a plan, or was not written to its end.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        msgspec.json.decode(lines[-1] if lines else "", type=Totals)
        for line in lines[:-1]:
            yield msgspec.json.decode(line, type=Planned)
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise ConfigurationError(
            f"{path} is not a plan, or not a complete one: svod plan"
        ) from None


def private_file(path: Path) -> TextIO:
    """Open a new file that only its owner may read, for it names customers."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    return os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace")


def _readable(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "-"
    return "-" if value in (None, "") else str(value)
