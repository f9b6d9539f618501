r"""Texts that a database takes for another encoding than they are in.

>>> decoder = TextDecoder.of("windows-1251 in latin1", "mysql")
>>> decoder.row({"id": 1, "name": b"\xce\xce\xce"}), decoder.mysql_charset
({'id': 1, 'name': 'ООО'}, 'latin1')
>>> TextDecoder.of("windows-1251 in latin1", "postgresql").row({"name": "ÎÎÎ", "city": "ООО"})
{'name': 'ООО', 'city': 'ООО'}
"""

import codecs
import re
from collections.abc import Mapping

import msgspec

from transforms.fields.text import has_cyrillic
from transforms.stores.sql.url import DialectName

_LYING = re.compile(r"\s*(\S+)\s+in\s+(\S+)\s*", re.I)
_MYSQL_CHARSETS = {
    **dict.fromkeys(("cp1252", "windows-1252", "iso-8859-1", "latin-1"), "latin1"),
    **dict.fromkeys(("windows-1251", "win1251"), "cp1251"),
    **dict.fromkeys(("utf-8", "utf8"), "utf8mb4"),
}


def decode(data: bytes, encoding: str = "cp1251") -> str:
    r"""Decodes a text's bytes: as UTF-8 when that yields Cyrillic letters, else by ``encoding``.

    >>> decode(b"\xce\xce\xce"), decode("ООО".encode()), decode(b"A\x98B") == "A\ufffdB"
    ('ООО', 'ООО', True)
    """
    if not data.isascii():
        try:
            decoded = data.decode()
        except UnicodeDecodeError:
            decoded = ""
        if has_cyrillic(decoded):
            return decoded
    return data.decode(encoding, errors="replace")


class TextDecoder(msgspec.Struct, frozen=True):
    """Decodes the texts of a row. ``encoding`` is the true one, ``charset`` what columns say.

    ``mends_texts``: the driver decodes texts by ``charset``, so they are to be decoded anew. Else
    they come as bytes.
    """

    encoding: str = "cp1251"
    charset: str = ""
    mends_texts: bool = False

    @classmethod
    def of(cls, text: str | None, dialect: DialectName) -> "TextDecoder":
        """Returns the decoder for ``encoding`` of the configuration.

        Raises:
            LookupError: it names an encoding that there is not.
        """
        if not text:
            return cls()
        match = _LYING.fullmatch(text)
        name, charset = match.groups() if match else (text.strip(), "")
        encoding = codecs.lookup(name).name
        if charset:
            codecs.lookup(charset)
        return cls(encoding, charset.lower(), bool(charset) and dialect == "postgresql")

    @property
    def mysql_charset(self) -> str:
        """What MySQL calls the charset that columns say."""
        return _MYSQL_CHARSETS.get(self.charset, self.charset)

    def row(self, raw: Mapping[str, object]) -> dict[str, object]:
        """Returns the row with its texts decoded."""
        if self.mends_texts:
            return {name: self.value(value) for name, value in raw.items()}
        encoding = self.encoding
        return {
            name: decode(value, encoding) if isinstance(value, bytes) else value
            for name, value in raw.items()
        }

    def value(self, value: object) -> object:
        """Returns a value, decoded if it is a text."""
        if isinstance(value, bytes):
            return decode(value, self.encoding)
        if self.mends_texts and isinstance(value, str) and not value.isascii():
            return self._mended(value)
        return value

    def _mended(self, text: str) -> str:
        try:
            return decode(text.encode(self.charset), self.encoding)
        except UnicodeEncodeError:
            return text
