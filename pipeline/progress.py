"""Live progress: on a terminal one line per stage, redrawn in place; elsewhere plain lines.

Only numbers and names of stages are shown. They are read from the ledger, so the view is the same
whichever worker, process or machine does the work.
"""

import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TextIO

from sqlalchemy.exc import SQLAlchemyError

from transforms.core.identity import Run, now
from transforms.ledger.database import Ledger
from transforms.ledger.progress import Stage, stages

_POLL_SECONDS = 0.5
# Microseconds, as all moments of stages.
_PLAIN_INTERVAL = 10_000_000
# A stage of unknown size has ended when a later one has worked for this long without it.
_QUIET = 3_000_000
_NAME, _BAR, _SMALLEST_BAR = 15, 30, 6
_CURSOR_UP = "\x1b[{}A"
_GREEN, _DIM, _PLAIN = "\x1b[32m", "\x1b[2m", "\x1b[0m"


class ProgressView:
    """Shows a run's stages on ``stream`` while it goes on, from a separate thread."""

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
        """Show nothing from now on: the process is about to write its last message."""
        self._showing.acquire(timeout=1)

    def __enter__(self) -> "ProgressView":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _watch(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._stopped.wait(_POLL_SECONDS)
            try:
                with self._ledger.read() as connection:
                    current_stages = list(stages(connection, self._run.run_id))
                with self._showing:
                    self._screen.show(current_stages, now(), is_last)
            except SQLAlchemyError:
                # The ledger is locked for a moment: the next poll reads it.
                continue
            except (OSError, ValueError):
                # The stream is closed. The run goes on without being shown.
                return


def is_terminal(stream: TextIO) -> bool:
    """Whether lines can be redrawn there."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


class StageText(NamedTuple):
    """The texts that describe a stage at ``moment`` (microseconds since the epoch)."""

    stage: Stage
    moment: int
    has_ended: bool

    @property
    def counts(self) -> str:
        """Records done, and the total where it is known."""
        stage = self.stage
        return f"{stage.done:,}" if stage.total is None else f"{stage.done:,}/{stage.total:,}"

    @property
    def rate(self) -> str:
        """Records per second; empty before the first."""
        rate = self._per_second()
        if not rate:
            return ""
        return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"

    @property
    def time(self) -> str:
        """The time that the stage took, or will still take; empty when that is unknown."""
        stage, rate = self.stage, self._per_second()
        if self.has_ended:
            return f"done in {spell((stage.updated_at - stage.started_at) / 1_000_000)}"
        if stage.total is None or not rate:
            return ""
        return f"{spell((stage.total - stage.done) / rate)} left"

    def _per_second(self) -> float:
        stage = self.stage
        end = stage.updated_at if self.has_ended else max(self.moment, stage.updated_at)
        return stage.done * 1_000_000 / (end - stage.started_at) if end > stage.started_at else 0.0

    def plain_line(self) -> str:
        """The stage as a line for a file."""
        texts = filter(None, (self.counts, self.rate, self.time))
        return f"{self.stage.stage}: {', '.join(texts)}"

    def line(self, width: int, stream: TextIO) -> str:
        """The texts that fit ``width``, by importance: name and counts, time, rate, bar."""
        parts = [
            f"{self.stage.stage:<{_NAME}}",
            f"{self.counts:>19}",
            f"{self.rate:>10}",
            self.time,
        ]
        while len("  ".join(parts)) > width and len(parts) > 2:
            del parts[2]
        free = width - len("  ".join(parts)) - 2
        if free < -2:
            return f"{self.stage.stage} {self.counts}"[:width]
        if free >= _SMALLEST_BAR:
            parts.insert(1, self._bar(min(_BAR, free), stream))
        return "  ".join(parts).rstrip()

    def _bar(self, width: int, stream: TextIO) -> str:
        share = 1.0 if self.has_ended else 0.0
        if self.stage.total:
            share = min(1.0, self.stage.done / self.stage.total)
        full = int(width * share)
        filled, empty = ("━", "─") if _can_draw(stream) else ("#", "-")
        if "NO_COLOR" in os.environ:
            return filled * full + empty * (width - full)
        return f"{_GREEN}{filled * full}{_DIM}{empty * (width - full)}{_PLAIN}"


def stage_texts(all_stages: Sequence[Stage], moment: int, last: bool) -> Iterator[StageText]:
    """Each stage's texts; ``last`` when the run is over."""
    for index, stage in enumerate(all_stages):
        yield StageText(stage, moment, has_ended(all_stages, index, last))


class Screen:
    """The stages as lines of a terminal, each time drawn over the lines before."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._height = stream, 0

    def show(self, all_stages: Sequence[Stage], moment: int, last: bool) -> None:
        """Draw the stages as they are at ``moment``; ``last`` when the run is over."""
        width = terminal_width(self._stream)
        lines = stage_lines(all_stages, moment, last, width, self._stream)
        back = _CURSOR_UP.format(self._height) if self._height else ""
        drawing = "".join(f"\r\x1b[2K{line}\n" for line in lines)
        self._stream.write(f"{back}{drawing}")
        self._stream.flush()
        self._height = len(lines)


class Lines:
    """The stages as plain lines: when a stage begins, every ten seconds, and when it ends."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown: dict[str, StageText] = {}

    def show(self, all_stages: Sequence[Stage], moment: int, last: bool) -> None:
        """Write what has changed at ``moment``; ``last`` when the run is over."""
        for text in stage_texts(all_stages, moment, last):
            name = text.stage.stage
            if _is_due(text, self._shown.get(name)):
                self._stream.write(f"{text.plain_line()}\n")
                self._shown[name] = text
        self._stream.flush()


def _is_due(text: StageText, shown: StageText | None) -> bool:
    if shown is None:
        return True
    is_late = text.moment - shown.moment >= _PLAIN_INTERVAL
    has_just_ended = text.has_ended and not shown.has_ended
    has_changed = (text.stage.done, text.has_ended) != (shown.stage.done, shown.has_ended)
    return has_changed and (is_late or has_just_ended)


def stage_lines(
    all_stages: Sequence[Stage], moment: int, last: bool, width: int, stream: TextIO
) -> list[str]:
    """The stages as lines of at most ``width`` columns, in colours if ``stream`` takes them."""
    return [text.line(width, stream) for text in stage_texts(all_stages, moment, last)]


def terminal_width(stream: TextIO) -> int:
    """Columns that a line may have; the last one stays free, because some terminals wrap there."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        columns = 0
    return (columns or shutil.get_terminal_size().columns) - 1


def has_ended(all_stages: Sequence[Stage], index: int, last: bool) -> bool:
    """Whether the stage has done its work, as far as can be seen; ``last``: the run is over."""
    stage = all_stages[index]
    if stage.total is not None:
        return stage.done >= stage.total
    later_updates = (later.updated_at for later in all_stages[index + 1 :])
    return last or any(update - stage.updated_at > _QUIET for update in later_updates)


def _can_draw(stream: TextIO) -> bool:
    try:
        "━─".encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


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
