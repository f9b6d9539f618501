"""What a portal answers when it refuses."""

from typing import NoReturn


class RestError(Exception):
    """A refusal: HTTP status, ``error`` (a code, "" or 0) and ``error_description``."""

    def __init__(self, status: int, code: str | int, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.code = code
        self.description = description

    def body(self) -> dict[str, str | int]:
        """The answer's JSON."""
        return {"error": self.code, "error_description": self.description}


class Dropped(Exception):  # noqa: N818 -- not an error of ours: the connection is cut on purpose
    """The connection ends here, without an answer."""


def refuse(description: str, code: str | int = "") -> NoReturn:
    """Refuses a record with 400; older methods leave ``error`` empty."""
    raise RestError(400, code, description)
