"""The answers of a portal: a result, a refusal, or none."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn


class Answer(NamedTuple):
    """A method's result; only lists have ``total`` and ``next``."""

    result: Any
    total: int | None = None
    next: int | None = None

    def body(self) -> dict[str, Any]:
        """Returns the answer's JSON without ``time``."""
        parts = {"result": self.result, "next": self.next, "total": self.total}
        return {name: value for name, value in parts.items() if value is not None}


class RestError(Exception):
    """A refusal: HTTP status, ``error`` (a code, "" or 0) and ``error_description``."""

    def __init__(self, status: int, code: str | int, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.code = code
        self.description = description

    def body(self) -> dict[str, str | int]:
        """Returns the answer's JSON."""
        return {"error": self.code, "error_description": self.description}


def refuse(description: str, code: str | int = "") -> NoReturn:
    """Raises a refusal with status 400; older methods leave ``error`` empty."""
    raise RestError(400, code, description)


class Dropped(Exception):  # noqa: N818 -- no error: the connection is cut on purpose
    """The connection is cut without an answer."""


JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Reply:
    """An HTTP reply; a body in pieces is sent piece by piece."""

    status: int
    body: bytes | Iterable[bytes]
    content_type: str = JSON
    location: str = ""
