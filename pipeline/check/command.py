"""``svod check``: all that the configuration names is tried, and nothing is written but a page."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.check.fields import TableCheck, count_fields
from pipeline.check.places import Reached, reach_places
from pipeline.check.rendering import text_lines, write_page
from pipeline.check.samples import sample_records
from pipeline.console import print_lines, say
from pipeline.options import Options
from transforms.configuration.selection import readable_stores
from transforms.configuration.structs import StoreTable
from transforms.core.errors import SvodError
from transforms.core.records import COMPANY, CONTACT, Kind
from transforms.core.secrets import mask
from transforms.stores.registry import rules_of


def check(chosen: Options, sample: int, page: Path | None, *, is_shown: bool) -> int:
    """Print what was reached and what a sample became; returns the exit code."""
    places = list(reach_places(chosen))
    broken = {place.name for place in places if place.problem}
    tables: list[TableCheck] = []
    for key, store in readable_stores(chosen.configuration, "full").items():
        if f"store {key}" not in broken:
            for table in _check_tables(chosen, key, store, sample, is_shown):
                tables.append(table)
                if table.problem:
                    places.append(Reached(f"store {key}, {table.kind}", table.problem))
    print_lines(*text_lines(places, [table for table in tables if not table.problem]))
    if page:
        write_page(page, places, tables)
        print_lines("", f"Page: {page}")
    problems = [f"{place.name}: {place.problem}" for place in places if place.problem]
    for problem in problems:
        say(f"svod: {mask(problem)}")
    return 2 if problems else 0


def _check_tables(
    chosen: Options, key: str, store: StoreTable, sample: int, is_shown: bool
) -> Iterator[TableCheck]:
    kinds: tuple[Kind, ...] = (COMPANY, CONTACT)
    for kind in kinds:
        if getattr(store, kind) is None:
            continue
        clean = rules_of(chosen.configuration, key).cleaners[kind]
        try:
            results = map(clean, sample_records(key, store, kind, sample))
            yield count_fields(key, kind, results, is_shown=is_shown)
        except SvodError as error:
            table = count_fields(key, kind, (), is_shown=is_shown)
            table.problem = str(error)
            yield table
