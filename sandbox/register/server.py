"""A local company register that obeys the contract, limits and errors included.

``with Register(suggestions) as register:`` serves ``register.url`` from a thread, and ``python -m
sandbox.register --data register.jsonl --port 0 --token KEY`` from a process. Tests control it by
``set_faults`` and ``stats``, other processes by ``POST /_sandbox/faults`` (a JSON list that
replaces the faults before it) and ``GET /_sandbox/stats``.
"""

import argparse
import signal
import socket
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from sandbox.register.limits import Fault, Gate, RefusedError
from sandbox.servers.server import Server

BASE: Final = "/suggestions/api/4_1/rs"
TOKEN: Final = "sandbox-register-key"
_STRANGE: Final = (
    b"[]",
    b"null",
    b"{}",
    b'{"suggestions": null}',
    b'{"suggestions": [null]}',
    b'{"suggestions": [{"value": "?"}]}',
    b'{"suggestions": [{"value": "?", "data": {"inn": "7707083893", "state": null}}]}',
)
_JSON = "application/json;charset=UTF-8"


class _Party(msgspec.Struct):
    inn: str


class _Suggestion(msgspec.Struct):
    data: _Party


class _Query(msgspec.Struct):
    query: str
    branch_type: Literal["MAIN", "BRANCH"] | None = None
    count: int = 10


class Register(Server, ThreadingHTTPServer):
    """The server; ``answers`` maps a TIN to its suggestion as JSON.

    ``rate`` is in requests a second, ``daily`` in requests altogether, ``connections`` in new
    connections a minute (None: no limit), ``latency`` in seconds an answer (the real one: 0.4).
    """

    daemon_threads = False
    request_queue_size = 256

    def __init__(
        self,
        suggestions: Iterable[Mapping[str, Any]] | Mapping[str, bytes] = (),
        *,
        token: str = TOKEN,
        port: int = 0,
        rate: int = 30,
        daily: int = 10_000,
        connections: int | None = None,
        latency: float = 0.0,
    ) -> None:
        self.token = token
        self.gate = Gate(token, rate, daily, connections)
        self.latency = latency
        self.answers = suggestions if isinstance(suggestions, Mapping) else encode(suggestions)
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,))

    def start(self) -> None:
        """Starts to serve, in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stops to serve and cuts all connections."""
        self.shutdown()
        self.closing.set()
        with self._lock:
            for connection in self._sockets:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()
        self._thread.join()

    @property
    def origin(self) -> str:
        """``http://127.0.0.1:port``."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        """The base URL, before ``/findById/party``."""
        return self.origin + BASE

    def set_faults(self, faults: Sequence[Fault]) -> None:
        """Replaces the faults; the first one that matches a request applies to it."""
        self.gate.set_faults(faults)

    def stats(self) -> dict[str, Any]:
        """Returns counts of requests, answers by status and questions by TIN, and the peak rate."""
        return self.gate.stats()

    def answer(self, tin: str) -> bytes:
        """Returns the body of a correct answer."""
        suggestion = self.answers.get(tin)
        self.gate.note("not_found" if suggestion is None else "found")
        return b'{"suggestions":[' + (suggestion or b"") + b"]}"

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accepts a connection and remembers it: ``stop`` cuts it."""
        connection, address = super().get_request()
        with self._lock:
            self._sockets.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Forgets a connection that has ended."""
        with self._lock:
            self._sockets.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Reports an error, unless the client has closed its connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Register
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Counts the connection; all of its requests share the result."""
        super().setup()
        self._is_connected = self.server.gate.admit_connection()

    def do_GET(self) -> None:
        if self.path == "/_sandbox/stats":
            self._send(HTTPStatus.OK, msgspec.json.encode(self.server.stats()))
        else:
            self._send(HTTPStatus.NOT_FOUND, b'{"message": "No such path"}')

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/_sandbox/faults":
            self.server.set_faults(msgspec.json.decode(body, type=list[Fault]))
            self._send(HTTPStatus.OK, b"{}")
            return
        try:
            self._ask(body)
        except RefusedError as error:
            self._answer(error.status, error.body)

    def _ask(self, body: bytes) -> None:
        if self.path != BASE + "/findById/party":
            raise RefusedError(HTTPStatus.NOT_FOUND, "No such method")
        self.server.gate.admit(self.headers.get("Authorization", ""), self._is_connected)
        if self.headers.get_content_type() != "application/json":
            raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send application/json")
        try:
            tin = msgspec.json.decode(body, type=_Query).query
        except msgspec.DecodeError as error:
            raise RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from None
        fault = self.server.gate.fault(tin)
        self.server.closing.wait(self.server.latency)
        if fault is None:
            self._answer(HTTPStatus.OK, self.server.answer(tin))
        else:
            self._fail(fault, tin)

    def _fail(self, fault: Fault, tin: str) -> None:
        match fault.kind:
            case "html":
                page = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
                self._answer(HTTPStatus.BAD_GATEWAY, page, "text/html")
            case "busy":
                raise RefusedError(HTTPStatus.TOO_MANY_REQUESTS, "Too many requests")
            case "garbage":
                self._answer(HTTPStatus.OK, b'{"suggestions": [{"value": "?", "da')
            case "shape":
                self._answer(HTTPStatus.OK, _STRANGE[sum(tin.encode()) % len(_STRANGE)])
            case "unauthorized":
                raise RefusedError(
                    HTTPStatus.UNAUTHORIZED, f"Key {self.server.token} is switched off"
                )
            case "forbidden":
                raise RefusedError(
                    HTTPStatus.FORBIDDEN, f"Key {self.server.token} has no money left"
                )
            case "hang" | "drop":
                self.server.closing.wait(fault.seconds if fault.kind == "hang" else 0)
                self.close_connection = True

    def _answer(self, status: HTTPStatus, body: bytes, content_type: str = _JSON) -> None:
        self.server.gate.note(str(status.value))
        self._send(status, body, content_type)

    def _send(self, status: HTTPStatus, body: bytes, content_type: str = _JSON) -> None:
        # One write: a header sent alone waits for the client's delayed acknowledgement.
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.wfile.write(head.encode() + body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the base class calls it so
        """Logs nothing: a line could contain a key."""


def encode(suggestions: Iterable[Mapping[str, Any]]) -> dict[str, bytes]:
    """Returns the suggestions as the register keeps them: JSON by TIN."""
    return {
        suggestion["data"]["inn"]: msgspec.json.encode(suggestion) for suggestion in suggestions
    }


def read_answers(path: Path) -> dict[str, bytes]:
    """Reads suggestions from a file of JSON lines, which ``python -m sandbox.world`` writes."""
    decode = msgspec.json.Decoder(_Suggestion).decode
    with path.open("rb") as lines:
        return {decode(line).data.inn: line.rstrip() for line in lines}


def main(arguments: list[str] | None = None) -> None:
    """Prints the base URL and serves a file of suggestions until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.register", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--rate", type=int, default=30)
    parser.add_argument("--daily", type=int, default=10_000)
    parser.add_argument("--connections", type=int)
    parser.add_argument("--latency", type=float, default=0.0)
    options = vars(parser.parse_args(arguments))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Register(read_answers(options.pop("data")), **options) as register:
        sys.stdout.write(register.url + "\n")
        sys.stdout.flush()
        try:
            signal.pause()
        except KeyboardInterrupt:
            return
