"""Store A's address: ``mysql://user:password@host:3306/shop?ssl_ca=/etc/ssl/store-a.pem``."""

from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from transforms.core.errors import ConfigurationError

_FILES = ("ssl_ca", "ssl_cert", "ssl_key")
_SWITCHES = ("ssl_verify_cert", "ssl_verify_identity")
_FORM = "mysql://user:password@host:3306/database, with user and password percent-encoded"


@dataclass(frozen=True)
class StoreUrl:
    """The parts of store A's URL; ``tls`` has the driver's arguments for TLS."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    tls: tuple[tuple[str, str | bool], ...] = ()

    @classmethod
    def parse(cls, url: str) -> "StoreUrl":
        """Splits ``url`` into its parts.

        Raises:
            ConfigurationError: naming ``--store_a`` and what is wrong, never the URL itself.

        >>> StoreUrl.parse("mysql://svod:p%40ss@db/shop")
        StoreUrl(host='db', port=3306, user='svod', database='shop', tls=())
        """
        try:
            parts = urlsplit(url.strip())
            port = 3306 if parts.port is None else parts.port
        except ValueError:
            raise _malformed("it cannot be read as a URL") from None
        if parts.scheme != "mysql":
            raise _malformed("it does not begin with mysql://")
        database = unquote(parts.path.removeprefix("/"))
        _require_all(host=parts.hostname, user=parts.username, database=database)
        if "/" in database or parts.fragment:
            raise _malformed("a character in it is not percent-encoded")
        user, password = _credentials(parts)
        return cls(parts.hostname or "", port, user, password, database, _tls(parts))


def _require_all(**parts: str | None) -> None:
    for part, value in parts.items():
        if not value:
            raise _malformed(f"it names no {part}")


def _credentials(parts: SplitResult) -> tuple[str, str]:
    return unquote(parts.username or ""), unquote(parts.password or "")


def _tls(parts: SplitResult) -> tuple[tuple[str, str | bool], ...]:
    options: dict[str, str | bool] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name in _FILES and value:
            options[name] = value
        elif name in _SWITCHES and value.lower() in ("true", "1", "false", "0"):
            options[name] = value.lower() in ("true", "1")
        else:
            allowed = ", ".join(_FILES + _SWITCHES)
            raise _malformed(f"its options may be {allowed} (a file; true or false)")
    if "ssl_ca" in options:
        # Given a CA's certificate, the driver still checks nothing unless this option is set.
        options.setdefault("ssl_verify_cert", True)
    return tuple(sorted(options.items()))


def _malformed(problem: str) -> ConfigurationError:
    return ConfigurationError(f"--store_a: {problem}: write {_FORM}")
