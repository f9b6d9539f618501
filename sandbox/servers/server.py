"""The base of everything in the sandbox that starts, serves and stops."""

from typing import Self


class Server:
    """A server that ``with`` starts and stops."""

    def start(self) -> None:
        """Starts the server and waits until it answers; a failed start leaves nothing running."""
        raise NotImplementedError

    def stop(self) -> None:
        """Ends the server."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
