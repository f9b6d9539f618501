"""A register that answers at once and has no limits, in the place of the real one's client."""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from transforms.consolidation import register_questions
from transforms.register.answer import Answer, NoAnswer
from transforms.register.party import parse_party

_AS_OF = 1_730_419_200_000_000


class AtOnce:
    """Has what ``RegisterClient`` has; ``path`` names the file with the answers (by TIN)."""

    trouble = ""

    def __init__(self, path: str, *_: Any, **__: Any) -> None:
        self._answers = sqlite3.connect(path)

    def ask_many(self, tins: Iterable[str]) -> Iterator[tuple[str, Answer | NoAnswer]]:
        """Each TIN with its answer, read as the register's own would be."""
        query = "SELECT suggestion FROM suggestions WHERE tin = ?"
        for tin in tins:
            found = self._answers.execute(query, (tin,)).fetchall()
            suggestions = [json.loads(suggestion) for (suggestion,) in found]
            yield tin, parse_party(tin, {"suggestions": suggestions}, _AS_OF)

    def close(self) -> None:
        """Close the file."""
        self._answers.close()


@contextmanager
def answering_at_once() -> Iterator[None]:
    """Whatever asks the register in this process meanwhile asks ``AtOnce``."""
    with patch.object(register_questions, "RegisterClient", AtOnce):
        yield
