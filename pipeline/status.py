"""``svod status``: the last runs, how far the running one is, what waits, what to do next."""

import time
from collections.abc import Iterator
from typing import TextIO

from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError

from pipeline.progress import is_terminal, spell, stage_lines, terminal_width
from pipeline.report.base_queries import read_queues
from pipeline.report.history import PastRun, last_runs
from pipeline.report.refusals import count_rejections
from transforms.core.identity import now
from transforms.core.outcomes import CRM_NOT_REACHED, REGISTER_NO_ANSWER, WAITING_FOR_COMPANY
from transforms.core.stores import ABSENT, WITHDRAWN, Stores
from transforms.ledger.database import Ledger
from transforms.ledger.progress import stages
from transforms.ledger.stores import read_stores

_RUNS = 8
_REFRESH_SECONDS = 1.0
# Seconds. A worker writes once a second at most; the CRM's slowest request takes over a minute.
_SILENT = 180
_CLEAR = "\x1b[H\x1b[2J"
_NEXT: dict[str, str] = {
    CRM_NOT_REACHED: "run again: it goes on where it stopped",
    REGISTER_NO_ANSWER: "run again when the register answers, or fill its answers from files"
    " (svod register import)",
    WAITING_FOR_COMPANY: "nothing: they are loaded when their company comes",
}

_STORE_STATES: dict[str, str] = {
    ABSENT: "no longer in the configuration: it is not read, its rows and links stay",
    WITHDRAWN: "withdrawn: it is not read, its rows are refused as gone_from_store",
}


def show_status(ledger: Ledger, stream: TextIO, watch: bool) -> None:
    """Write the state to ``stream``; with ``watch`` again every second until Ctrl-C."""
    try:
        while True:
            _show(ledger, stream, watch)
            if not watch:
                return
            time.sleep(_REFRESH_SECONDS)
    except KeyboardInterrupt:
        return


def _show(ledger: Ledger, stream: TextIO, watch: bool) -> None:
    try:
        with ledger.read() as connection:
            lines = list(_status(connection, stream))
    except OperationalError:
        if not watch:
            raise
        # The ledger is locked for a moment: the lines on the screen are recent enough.
        return
    stream.write((_CLEAR if watch and is_terminal(stream) else "") + "\n".join(lines) + "\n")
    stream.flush()


def _status(connection: Connection, stream: TextIO) -> Iterator[str]:
    runs = last_runs(connection, _RUNS)
    if not runs:
        yield "No run yet: start one with svod full."
        return
    yield "Last runs"
    yield from _table(runs)
    yield from _store_lines(read_stores(connection))
    if runs[0].is_running:
        yield from _progress(connection, runs[0], stream)
    yield from _open_lines(connection, runs[0])


def _table(runs: list[PastRun]) -> Iterator[str]:
    heads = ("run", "command", "started (UTC)", "took", "status", "read", "created", "updated")
    lines = [heads, *map(_run_cells, runs)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(heads))]
    for line in lines:
        words = [cell.ljust(width) for cell, width in zip(line[:5], widths[:5], strict=True)]
        numbers = [cell.rjust(width) for cell, width in zip(line[5:], widths[5:], strict=True)]
        yield "  " + "  ".join((*words, *numbers))


def _run_cells(run: PastRun) -> tuple[str, ...]:
    numbers = (run.total("created"), run.total("updated"))
    return (
        run.run_id,
        run.command,
        run.started_at.replace("T", " ").removesuffix("Z"),
        "-" if run.seconds is None else spell(run.seconds),
        run.status,
        *(
            f"{value:,}" if run.summary else "-"
            for value in (run.read("companies") + run.read("contacts"), *numbers)
        ),
    )


def _store_lines(stores: Stores) -> Iterator[str]:
    if not len(stores):
        return
    yield ""
    yield "Stores"
    width = max(len(store.key) for store in stores)
    for store in stores:
        state = _STORE_STATES.get(store.state)
        text = f"{store.title}; {state}" if state else store.title
        yield f"  {store.key.ljust(width)}  {text}"


def _progress(connection: Connection, run: PastRun, stream: TextIO) -> Iterator[str]:
    run_stages, moment = list(stages(connection, run.run_id)), now()
    yield ""
    yield f"Going on: {run.run_id}"
    if not run_stages:
        yield "  nothing done yet"
    lines = stage_lines(run_stages, moment, False, _width(stream), stream)
    yield from (f"  {line}" for line in lines)
    newest = max((stage.updated_at for stage in run_stages), default=moment)
    silent = (moment - newest) / 1_000_000
    if silent > _SILENT:
        yield (
            f"  no progress for {spell(silent)}: if the program has ended, start it again;"
            " nothing is lost"
        )


def _width(stream: TextIO) -> int:
    return (terminal_width(stream) if is_terminal(stream) else 100) - 2


def _open_lines(connection: Connection, last: PastRun) -> Iterator[str]:
    queues, rejected = read_queues(connection), count_rejections(connection)
    yield ""
    yield "Waits" if queues else "Nothing waits."
    for queue in queues:
        yield f"  {queue.count:,} {queue.kind} rows: {queue.reason}, the oldest since {queue.since}"
    yield "Rejected by the CRM" if rejected else "Nothing is rejected by the CRM."
    for (kind, reason), count in rejected.items():
        yield f"  {count:,} of kind {kind}: {reason or 'no code'}"
    yield ""
    yield "Next"
    for step in _steps(last, [queue.reason for queue in queues], bool(rejected)):
        yield f"  {step}"


def _steps(last: PastRun, reasons: list[str], rejected: bool) -> Iterator[str]:
    if last.mood == "going":
        yield "watch it: svod status --watch"
        return
    if last.mood == "bad":
        yield f"the last run was cut short: start svod {last.command} again, nothing is lost"
    for remark in last.summary.get("remarks", ()):
        yield f"the last run says: {remark}"
    for reason, step in _NEXT.items():
        if reason in reasons:
            yield f"{reason}: {step}"
    if rejected:
        yield "rejected: correct the data or the portal, then svod replay"
    yield "what was refused and why: svod report; about one record: svod explain TIN or STORE:ID"
