"""The steps that a run leaves to people."""

from collections.abc import Sequence

import msgspec

from pipeline.report.base_queries import Queue
from pipeline.report.history import PastRun
from pipeline.report.refusals import DeadLetters
from pipeline.report.russian import REMEDIES

_URGENCY = {reason: place for place, reason in enumerate(REMEDIES)}


class ToDo(msgspec.Struct, frozen=True):
    """Open tasks: damaged input, ``queues`` with the most urgent first, rejected records."""

    run: PastRun
    damaged_files: int
    damaged_messages: int
    queues: list[Queue]
    rejected: int


def to_do(
    run: PastRun, dead_letters: Sequence[DeadLetters], queues: Sequence[Queue], rejected: int
) -> ToDo:
    """Returns what a person should do now."""
    files = [letters for letters in dead_letters if letters.origin.startswith("file:")]
    return ToDo(
        run=run,
        damaged_files=len({letters.origin for letters in files}),
        damaged_messages=sum(letters.count for letters in dead_letters)
        - sum(letters.count for letters in files),
        queues=sorted(queues, key=lambda queue: _URGENCY.get(queue.reason, len(_URGENCY))),
        rejected=rejected,
    )
