"""HTTP/1.1 over a socket: connections stay open, and each answer is sent in one piece."""

import contextlib
import socket
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sandbox.bitrix24.answers import Dropped, Reply

_PIECE = 1 << 16


@dataclass(frozen=True)
class Request:
    """An HTTP request; ``query`` is the text after the ``?``."""

    verb: str
    path: str
    query: str
    body: bytes
    is_form: bool


class HttpServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1; ``respond`` returns the reply to a request or raises Dropped."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, respond: Callable[[Request], Reply]) -> None:
        self.respond = respond
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remembers the connection: ``server_close`` closes it."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forgets a closed connection."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Closes the port and every connection that a client keeps alive."""
        super().server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Reports an error, unless the client has closed its connection."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: HttpServer

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, query = self.path.partition("?")
        is_form = "form-urlencoded" in (self.headers.get("Content-Type") or "")
        try:
            reply = self.server.respond(Request(self.command, path, query, body, is_form))
        except Dropped:
            self.close_connection = True
        else:
            self._send(reply)

    def _send(self, reply: Reply) -> None:
        """Sends head and body at once: the body would wait for the head's acknowledgement."""
        head = f"HTTP/1.1 {reply.status} {self.responses[reply.status][0]}\r\n"
        head += f"Content-Type: {reply.content_type}\r\n"
        head += f"Location: {reply.location}\r\n" if reply.location else ""
        if isinstance(reply.body, bytes):
            head += f"Content-Length: {len(reply.body)}\r\n\r\n"
            self.wfile.write(head.encode() + reply.body)
        else:
            self.wfile.write(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
            self._send_pieces(reply.body)

    def _send_pieces(self, pieces: Iterable[bytes]) -> None:
        buffer = bytearray()
        for piece in pieces:
            buffer += piece
            if len(buffer) >= _PIECE:
                self._send_chunk(buffer)
                buffer.clear()
        if buffer:
            self._send_chunk(buffer)
        self._send_chunk(b"")

    def _send_chunk(self, chunk: bytes | bytearray) -> None:
        """Sends a chunk; an empty chunk ends the body."""
        self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), bytes(chunk)))

    def log_message(self, *_: Any) -> None:
        """Logs nothing: the address contains the secret."""
