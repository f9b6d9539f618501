"""One kept-alive HTTP connection to the register.

It uses ``http.client`` instead of ``requests`` because of two of the register's limits: a new
connection is counted before it is opened (60 a minute), and it is open before the question takes
its turn, so that a TLS handshake does not push questions together at the server. Nothing follows
redirects, reads ``.netrc`` or puts the key into an exception.
"""

import ipaddress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from transforms.core.errors import ConfigurationError
from transforms.register.limiter import SlidingWindow

_LARGEST_REPLY = 1 << 20  # bytes; a real one has some 5 KB

# Failures of a connection: no route, refused, dropped, timed out, bad TLS, not HTTP at all.
FAILURES = (OSError, HTTPException)


class Connection:
    """A connection to ``url`` (which ``check_url`` accepts); one thread uses it at a time.

    ``connects`` limits new connections. ``open`` and ``post`` raise one of ``FAILURES``.
    """

    def __init__(self, url: str, timeout: float, connects: SlidingWindow) -> None:
        parts = urlsplit(url)
        opener = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._http = opener(parts.hostname or "", parts.port, timeout=timeout)
        self._path = parts.path.rstrip("/")
        self._connects = connects
        # The server ended the last connection itself: it expects a new one, which is not counted.
        self._was_closed_by_server = False

    def open(self) -> None:
        """Connect, unless the connection of the last question is still open."""
        if self._http.sock is None:
            if not self._was_closed_by_server:
                self._connects.wait()
            self._was_closed_by_server = False
            self._http.connect()

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        """The reply's status and body; a reply without an end is cut, and cannot be parsed."""
        try:
            self._http.request("POST", self._path + path, body, headers)
            response = self._http.getresponse()
            self._was_closed_by_server = response.will_close
            reply = response.read(_LARGEST_REPLY)
        except FAILURES:
            self.close()
            raise
        if not response.isclosed():
            self.close()
        return response.status, reply

    def close(self) -> None:
        """End the connection; ``open`` opens a new one."""
        self._http.close()


def check_url(url: str) -> None:
    """Check that a key may be sent to ``url``: https, or this machine.

    Raises:
        ConfigurationError: it may not, or it is not a URL.
    """
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0 and not (parts.username or parts.query)
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise ConfigurationError("--register is not a URL like https://host/path.")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_local(parts.hostname)):
        raise ConfigurationError("--register must begin with https://: the key is sent to it.")


def check_token(token: str) -> str:
    """The key without blanks around it.

    Raises:
        ConfigurationError: it cannot be a key.
    """
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable():
        raise ConfigurationError("SVOD_REGISTER_TOKEN is empty or not a key.")
    return token


def _is_local(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
