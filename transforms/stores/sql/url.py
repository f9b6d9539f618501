"""A database's address: ``mysql://user:password@host:3306/shop?ssl_ca=/etc/ssl/shop.pem``."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from transforms.core.errors import ConfigurationError

DialectName = Literal["mysql", "postgresql"]
TlsOptions = dict[str, str | bool]


class _Form(NamedTuple):
    """How a dialect's URL looks: its schemes, its port, and its options for TLS."""

    schemes: tuple[str, ...]
    port: int
    files: tuple[str, ...]
    switches: tuple[str, ...] = ()
    words: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def option(self, name: str, value: str) -> str | bool | None:
        """Returns the value that the driver takes; None for an option that there is not."""
        if name in self.files and value:
            return value
        if name in self.switches and value.lower() in ("true", "1", "false", "0"):
            return value.lower() in ("true", "1")
        return value if value in dict(self.words).get(name, ()) else None

    @property
    def options(self) -> str:
        """Describes the options to a person."""
        words = [f"{name} ({', '.join(values)})" for name, values in self.words]
        kinds = "a file; true or false" if self.switches else "else a file"
        return f"{', '.join([*self.files, *self.switches, *words])} ({kinds})"


_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_FORMS: dict[DialectName, _Form] = {
    "mysql": _Form(
        ("mysql", "mariadb"),
        3306,
        ("ssl_ca", "ssl_cert", "ssl_key"),
        ("ssl_verify_cert", "ssl_verify_identity"),
    ),
    "postgresql": _Form(
        ("postgresql", "postgres"),
        5432,
        ("sslrootcert", "sslcert", "sslkey", "sslcrl"),
        words=(("sslmode", _SSL_MODES),),
    ),
}


class UrlError(Exception):
    """What is wrong with a URL; never the URL itself."""


@dataclass(frozen=True)
class DatabaseUrl:
    """The parts of a database's URL; ``tls`` has the driver's arguments for TLS."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    database: str
    tls: tuple[tuple[str, str | bool], ...] = ()
    dialect: DialectName = "mysql"

    @classmethod
    def parse(cls, url: str, dialect: DialectName | None, origin: str) -> "DatabaseUrl":
        """Splits ``url`` into its parts; ``origin`` is the option or key that names it.

        Without a ``dialect`` the scheme says which one it is.

        Raises:
            ConfigurationError: naming ``origin`` and what is wrong, never the URL itself.

        >>> DatabaseUrl.parse("mariadb://svod:p%40ss@db/shop", "mysql", "--store_a")
        DatabaseUrl(host='db', port=3306, user='svod', database='shop', tls=(), dialect='mysql')
        """
        dialect = dialect or _dialect_of(url)
        form = _FORMS[dialect]
        try:
            parts = _split(url, form)
            user, password = unquote(parts.username or ""), unquote(parts.password or "")
            port = form.port if parts.port is None else parts.port
            database = unquote(parts.path.removeprefix("/"))
            tls = _tls(parts, form)
        except UrlError as error:
            pattern = f"{form.schemes[0]}://user:password@host:{form.port}/database"
            raise ConfigurationError(
                f"{origin}: {error}: write {pattern}, with user and password percent-encoded"
            ) from None
        return cls(parts.hostname or "", port, user, password, database, tls, dialect)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def _dialect_of(url: str) -> DialectName:
    scheme = url.strip().partition("://")[0]
    return next((name for name, form in _FORMS.items() if scheme in form.schemes), "mysql")


def _split(url: str, form: _Form) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError:
        raise UrlError("it cannot be read as a URL") from None
    if parts.scheme not in form.schemes:
        raise UrlError(f"it does not begin with {' or '.join(f'{s}://' for s in form.schemes)}")
    database = unquote(parts.path.removeprefix("/"))
    for part, value in (
        ("host", parts.hostname),
        ("user", parts.username),
        ("database", database),
    ):
        if not value:
            raise UrlError(f"it names no {part}")
    if "/" in database or parts.fragment:
        raise UrlError("a character in it is not percent-encoded")
    return parts


def _tls(parts: SplitResult, form: _Form) -> tuple[tuple[str, str | bool], ...]:
    options: TlsOptions = {}
    for name, text in parse_qsl(parts.query, keep_blank_values=True):
        value = form.option(name, text)
        if value is None:
            raise UrlError(f"its options may be {form.options}")
        options[name] = value
    # Given a CA's certificate, the drivers still check nothing unless they are told to.
    if "ssl_ca" in options:
        options.setdefault("ssl_verify_cert", True)
    if "sslrootcert" in options:
        options.setdefault("sslmode", "verify-ca")
    return tuple(sorted(options.items()))
