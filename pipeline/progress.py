"""Live progress: on a terminal one line a stage, redrawn in place; elsewhere plain lines.

Only numbers and names of stages are shown. What is drawn comes from the ledger, so it is the same
whichever worker, process or machine does the work.
"""

import os
import shutil
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import TextIO

from sqlalchemy.exc import SQLAlchemyError

from transforms.core.identity import Run, now
from transforms.ledger.database import Ledger
from transforms.ledger.runs import Stage, stages

_POLL = 0.5
_PLAIN_EVERY = 10_000_000
# A stage of unknown size has ended when a later one has been at work for this long without it.
_QUIET = 3_000_000
_NAME, _BAR, _SMALLEST_BAR = 15, 30, 6
_GREEN, _DIM, _PLAIN = "\x1b[32m", "\x1b[2m", "\x1b[0m"


class ProgressView:
    """Shows a run's stages on ``stream`` while it goes on, from a thread of its own."""

    def __init__(self, ledger: Ledger, run: Run, stream: TextIO) -> None:
        self._ledger, self._run = ledger, run
        self._screen = Screen(stream) if is_terminal(stream) else Lines(stream)
        self._stopped, self._showing = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="progress", daemon=True)

    def start(self) -> None:
        """Begin to show."""
        self._thread.start()

    def stop(self) -> None:
        """Show the last state, and end."""
        self._stopped.set()
        self._thread.join()

    def silence(self) -> None:
        """Show nothing any more: the process says its last words."""
        self._showing.acquire(timeout=1)

    def __enter__(self) -> "ProgressView":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _watch(self) -> None:
        last = False
        while not last:
            last = self._stopped.wait(_POLL)
            try:
                with self._ledger.read() as connection:
                    found = list(stages(connection, self._run.run_id))
                with self._showing:
                    self._screen.show(found, now(), last)
            except SQLAlchemyError:
                # A locked ledger is no news: the next look will tell.
                continue
            except (OSError, ValueError):
                # Nobody reads any more; the run goes on without spectators.
                return


def is_terminal(stream: TextIO) -> bool:
    """Whether lines can be redrawn there."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


class Screen:
    """The stages as lines of a terminal, each time over the ones before."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._height = stream, 0

    def show(self, found: Sequence[Stage], at: int, last: bool) -> None:
        """Draw the stages as they are at ``at``; ``last`` when nothing more comes."""
        width = terminal_width(self._stream)
        lines = stage_lines(found, at, last, width, self._stream)
        back = f"\x1b[{self._height}A" if self._height else ""
        drawn = "".join(f"\r\x1b[2K{line}\n" for line in lines)
        self._stream.write(f"{back}{drawn}")
        self._stream.flush()
        self._height = len(lines)


class Lines:
    """The stages as plain lines: at its begin, every ten seconds, and at its end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._told: dict[str, tuple[int, int, bool]] = {}

    def show(self, found: Sequence[Stage], at: int, last: bool) -> None:
        """Tell what is new at ``at``; ``last`` when nothing more comes."""
        for index, stage in enumerate(found):
            ended = has_ended(found, index, last)
            told_at, done, told_end = self._told.get(stage.stage, (0, -1, False))
            due = at - told_at >= _PLAIN_EVERY or (ended and not told_end)
            if due and (stage.done, ended) != (done, told_end):
                self._stream.write(f"{stage.stage}: {_plain(stage, at, ended)}\n")
                self._told[stage.stage] = at, stage.done, ended
        self._stream.flush()


def _plain(stage: Stage, at: int, ended: bool) -> str:
    return ", ".join(
        filter(None, (_counts(stage), _rate(stage, at, ended), _time(stage, at, ended)))
    )


def stage_lines(
    found: Sequence[Stage], at: int, last: bool, width: int, stream: TextIO
) -> list[str]:
    """The stages as lines of at most ``width`` columns, in the colours that ``stream`` takes."""
    return [
        _line(stage, at, has_ended(found, index, last), width, stream)
        for index, stage in enumerate(found)
    ]


def terminal_width(stream: TextIO) -> int:
    """Columns that a line may have; the last one stays free, for some terminals wrap there."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    return (columns or shutil.get_terminal_size().columns) - 1


def has_ended(found: Sequence[Stage], index: int, last: bool) -> bool:
    """Whether the stage has done its work, as far as can be seen; ``last``: the run is over."""
    stage = found[index]
    if stage.total is not None:
        return stage.done >= stage.total
    later = (other.updated_at for other in found[index + 1 :])
    return last or any(at - stage.updated_at > _QUIET for at in later)


def _line(stage: Stage, at: int, ended: bool, width: int, stream: TextIO) -> str:
    """What fits, the most important first: name and counts, time, rate, bar."""
    name, counts = f"{stage.stage:<{_NAME}}", f"{_counts(stage):>19}"
    parts = [name, counts, f"{_rate(stage, at, ended):>10}", _time(stage, at, ended)]
    while len("  ".join(parts)) > width and len(parts) > 2:
        del parts[2]
    free = width - len("  ".join(parts)) - 2
    if free < -2:
        return f"{stage.stage} {_counts(stage)}"[:width]
    if free >= _SMALLEST_BAR:
        parts.insert(1, _bar(stage, ended, min(_BAR, free), stream))
    return "  ".join(parts).rstrip()


def _bar(stage: Stage, ended: bool, width: int, stream: TextIO) -> str:
    share = 1.0 if ended else 0.0
    if stage.total:
        share = min(1.0, stage.done / stage.total)
    full = int(width * share)
    done, rest = ("━", "─") if _can_draw(stream) else ("#", "-")
    if "NO_COLOR" in os.environ:
        return done * full + rest * (width - full)
    return f"{_GREEN}{done * full}{_DIM}{rest * (width - full)}{_PLAIN}"


def _can_draw(stream: TextIO) -> bool:
    try:
        "━─".encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _counts(stage: Stage) -> str:
    return f"{stage.done:,}" if stage.total is None else f"{stage.done:,}/{stage.total:,}"


def _per_second(stage: Stage, at: int, ended: bool) -> float:
    end = stage.updated_at if ended else max(at, stage.updated_at)
    return stage.done * 1_000_000 / (end - stage.started_at) if end > stage.started_at else 0.0


def _rate(stage: Stage, at: int, ended: bool) -> str:
    rate = _per_second(stage, at, ended)
    if not rate:
        return ""
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"


def _time(stage: Stage, at: int, ended: bool) -> str:
    if ended:
        return f"done in {spell((stage.updated_at - stage.started_at) / 1_000_000)}"
    rate = _per_second(stage, at, ended)
    if stage.total is None or not rate:
        return ""
    return f"{spell((stage.total - stage.done) / rate)} left"


def spell(seconds: float) -> str:
    """A time span in its two largest units.

    >>> spell(0.4), spell(65), spell(7200), spell(93784)
    ('0 s', '1 min 5 s', '2 h', '1 d 2 h')
    """
    whole = int(seconds)
    parts = (
        (whole // 86400, "d"),
        (whole // 3600 % 24, "h"),
        (whole // 60 % 60, "min"),
        (whole % 60, "s"),
    )
    first = next((index for index, (value, _) in enumerate(parts) if value), 3)
    shown = [f"{value} {unit}" for value, unit in parts[first : first + 2] if value]
    return " ".join(shown) or "0 s"
