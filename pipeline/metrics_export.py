"""Publishes metrics while stores are followed: by HTTP, or as a text file."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, write_to_textfile
from sqlalchemy.exc import SQLAlchemyError

from pipeline.metrics import MetricsCollector
from transforms.core.errors import ConfigurationError

_WRITE_EVERY = 5.0
# Seconds that a client may keep a connection without sending its request.
_TIMEOUT = 10.0

Address = tuple[str, int]


def write_metrics(path: Path, collector: MetricsCollector) -> None:
    """Replace the file as a whole: a reader never sees half of it."""
    write_to_textfile(str(path), collector)


@contextmanager
def writing(path: Path, collector: MetricsCollector) -> Iterator[None]:
    """Write the metrics to a file every few seconds meanwhile, and once more at the end."""
    ended = threading.Event()

    def write() -> None:
        # Neither a full disk nor a ledger that does not answer is a reason to stop following.
        with suppress(OSError, SQLAlchemyError):
            write_metrics(path, collector)

    def write_again() -> None:
        while not ended.wait(_WRITE_EVERY):
            write()

    thread = threading.Thread(target=write_again, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        write()


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"
    timeout = _TIMEOUT

    def do_GET(self) -> None:
        if self.path == "/metrics":
            self._answer_metrics()
        elif self.path == "/health":
            if self.server.collector.is_healthy():
                self._answer(200, "ok\n")
            else:
                self._answer(503, "no run ends well, and none makes progress\n")
        elif self.path == "/live":
            # A run may take long, or fail for hours, through no fault of this process.
            self._answer(200, "ok\n")
        else:
            self._answer(404, "there are /metrics, /health and /live\n")

    def _answer_metrics(self) -> None:
        try:
            text = self.server.collector.text()
        except SQLAlchemyError:
            self._answer(503, "the ledger does not answer\n")
        else:
            self._answer(200, text)

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Requests are not logged."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: Address, collector: MetricsCollector) -> None:
        self.collector = collector
        try:
            super().__init__(address, _Handler)
        except OSError as error:
            raise ConfigurationError(f"--metrics_address: {error.strerror}") from None


@contextmanager
def serving(address: Address, collector: MetricsCollector) -> Iterator[None]:
    """Serve ``/metrics``, ``/health`` and ``/live`` at the address meanwhile.

    Raises:
        ConfigurationError: the port is taken, or this user may not open it.
    """
    server = _Server(address, collector)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
