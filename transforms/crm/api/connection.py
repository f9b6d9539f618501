"""The HTTP connection to a portal: the webhook's address, one session, uninterpreted replies.

Every failure is returned as a ``Reply``: the exceptions of ``requests`` contain the address, and
the address is the secret.
"""

import ipaddress
import logging
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter

from transforms.core.errors import ConfigurationError
from transforms.core.secrets import mask

_WEBHOOK_PATH = re.compile(r"/rest/[0-9]+/[A-Za-z0-9_-]+/?")
_NOT_SENT = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ProxyError,
)


@dataclass(frozen=True)
class Reply:
    """The reply to one request.

    ``status`` is 0 when there was no answer, and ``problem`` says why; ``sent`` is false when the
    request surely never left. ``body`` is the answer's JSON object, if it is one. ``moved_to`` is
    the host of a redirect. ``seconds`` is the time from the request to the reply.
    """

    status: int = 0
    body: dict[str, Any] | None = None
    seconds: float = 0.0
    problem: str = ""
    sent: bool = True
    moved_to: str = ""


def check_webhook(url: str) -> str:
    """The webhook's address with its slash at the end.

    Raises:
        ConfigurationError: it is not ``https://{portal}/rest/{user}/{code}/``. Plain http is for
            this machine only. The message does not repeat the address.
    """
    try:
        parts = urlsplit(url)
        usable = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        usable = False
    if not (usable and url.isascii() and _WEBHOOK_PATH.fullmatch(url.partition(parts.netloc)[2])):
        raise ConfigurationError(
            "--crm is not the address of an inbound webhook: it must look like"
            " https://{portal}/rest/{user}/{code}/"
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and is_local(parts.hostname)):
        raise ConfigurationError("--crm must begin with https://: the address is the secret")
    return url.rstrip("/") + "/"


def is_local(host: str | None) -> bool:
    """Whether the host is this machine.

    >>> is_local("127.0.0.1"), is_local("localhost"), is_local("b24.example")
    (True, True, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


class Connection:
    """Kept-alive connections to the portal of ``webhook``, ``workers`` at most.

    All threads share one ``requests.Session``. That is safe, because nothing in this one changes
    after ``__init__``: it keeps no cookies (with them a portal would also let the requests of one
    PHP session wait for each other), follows no redirects, and its pool is made for threads.
    ``timeout`` is to connect and to read, in seconds.
    """

    def __init__(self, webhook: str, timeout: tuple[float, float], workers: int) -> None:
        self._address = check_webhook(webhook)
        self._timeout = timeout
        self._session = requests.Session()
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # An explicit authentication, though empty, keeps that of a .netrc out.
        self._session.auth = _no_authentication
        # A proxy is for the way out only.
        self._session.trust_env = not is_local(urlsplit(webhook).hostname)
        adapter = HTTPAdapter(pool_maxsize=workers, max_retries=0, pool_block=True)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        for name in ("urllib3.connection", "urllib3.connectionpool"):
            logging.getLogger(name).addFilter(_mask_record)

    def post(self, method: str, body: bytes, clock: Callable[[], float]) -> Reply:
        """The portal's reply to a JSON body; raises nothing of ``requests``."""
        began = clock()
        try:
            answer = self._session.post(
                self._address + method,
                data=body,
                headers={"Content-Type": "application/json"},
                timeout=self._timeout,
                allow_redirects=False,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            seconds, sent = clock() - began, _may_have_left(error)
            return Reply(seconds=seconds, problem=_problem(error), sent=sent)
        return Reply(
            answer.status_code,
            _json_object(answer.content),
            clock() - began,
            moved_to=_host(answer.headers.get("Location", "")),
        )

    def close(self) -> None:
        """End the connections."""
        self._session.close()


def _no_authentication(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _mask_record(record: logging.LogRecord) -> bool:
    """Mask the webhook in what urllib3 logs (also in its warning about broken headers)."""
    record.msg, record.args = mask(record.getMessage()), ()
    return True


def _json_object(content: bytes) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return value if isinstance(value, dict) else None


def _host(location: str) -> str:
    try:
        return urlsplit(location).hostname or ""
    except ValueError:
        return ""


def _reason(error: Exception) -> object:
    return getattr(error.args[0], "reason", None) if error.args else None


def _is_untrusted(reason: object) -> bool:
    causes = reason.args if isinstance(reason, urllib3.exceptions.SSLError) else ()
    return any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes)


def _may_have_left(error: Exception) -> bool:
    reason = _reason(error)
    return not (isinstance(reason, _NOT_SENT) or _is_untrusted(reason))


def _problem(error: Exception) -> str:
    if _is_untrusted(_reason(error)):
        return "its certificate is not trusted"
    if not _may_have_left(error):
        return "no connection"
    return "no answer in time" if isinstance(error, requests.Timeout) else "the connection broke"
