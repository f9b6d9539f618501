"""A load compares originals before it cleans: what the ledger has cleaned already is only seen.

The digest of a record covers all that its row depends on: the record as it was read, how its store
is configured, the modules that clean, and what they use. Where the ledger has the same digest for
the same row, cleaning would make the same row. (Decision 27.)
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from transforms.core.identity import Run
from transforms.core.records import Row
from transforms.core.secrets import Secret
from transforms.stores.mapping.origins import Origin

if TYPE_CHECKING:
    # A process that cleans takes a third of a second to import what it needs for no empty ledger.
    from transforms.ledger.database import Ledger

_PROGRAM = Path(__file__).parent
_RULES = "configuration", "core", "fields", "stores"
_LIBRARIES = "email-validator", "msgspec", "phonenumbers", "tzdata"


class KnownOriginals(NamedTuple):
    """Names the ledger whose originals are known, and the run that compares with them."""

    ledger: Secret
    run: Run

    def open(self) -> "OriginalsOfLedger":
        """Open the ledger, and leave it alone if it holds no row yet."""
        from transforms.ledger.database import open_ledger
        from transforms.ledger.rows.unchanged_rows import holds_rows

        ledger = open_ledger(self.ledger.value())
        if holds_rows(ledger):
            return OriginalsOfLedger(ledger, self.run)
        ledger.close()
        return OriginalsOfLedger(None, self.run)


class OriginalsOfLedger(NamedTuple):
    """The ledger's originals, for use in any process; without a ledger there are none."""

    ledger: "Ledger | None"
    run: Run

    def compare(self, origin: Origin, records: Sequence[Any]) -> list[Row | int]:
        """For each record the ledger's row of it; where that is another or none, its digest."""
        digests = [_digest(origin, record) for record in records]
        results: list[Row | int] = list(digests)
        for kind, _ in origin.id_paths if self.ledger else ():
            ids = origin.guess_ids(kind, records)
            rows = self._find_unchanged(origin.source, kind, dict(zip(ids, digests, strict=True)))
            for number, key in enumerate(ids):
                if (row := rows.get(key)) is not None and row.digest == digests[number]:
                    results[number] = row
        return results

    def _find_unchanged(self, source: str, kind: str, digests: Mapping[str, int]) -> dict[str, Row]:
        from transforms.ledger.rows.unchanged_rows import find_unchanged

        if self.ledger is None:
            return {}
        with self.ledger.read() as connection:
            return find_unchanged(connection, source, kind, digests, self.run)

    def close(self) -> None:
        """Close the ledger."""
        if self.ledger:
            self.ledger.close()


def _digest(origin: Origin, record: Any) -> int:
    """The digest of a record, above zero; 0 for one that cannot be encoded."""
    try:
        data = _encode(record) + _encode_decimals_as_numbers(record)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return 0
    digest = blake2b(data, digest_size=8, key=_rules(origin)).digest()
    return int.from_bytes(digest) >> 1 or 1


def _with_type(value: object) -> tuple[str, str]:
    return type(value).__name__, str(value)


# Together they tell a decimal number from its text, and from a number near to it. (A moment and its
# ISO 8601 text are told apart by neither: their rows are the same.)
_encode = msgspec.msgpack.Encoder(enc_hook=_with_type).encode
_encode_decimals_as_numbers = msgspec.msgpack.Encoder(
    enc_hook=_with_type, decimal_format="number"
).encode


@cache
def _rules(origin: Origin) -> bytes:
    """The digest of all that a row depends on besides its record."""
    digest = blake2b(repr((origin, sys.version)).encode(), digest_size=32)
    digest.update(_rules_of_program())
    return digest.digest()


@cache
def _rules_of_program() -> bytes:
    digest = blake2b(digest_size=32)
    for name in _LIBRARIES:
        digest.update(f"{name} {_version(name)}\n".encode())
    for path in sorted(_modules()):
        digest.update(f"{path.relative_to(_PROGRAM)}\n".encode())
        digest.update(path.read_bytes())
    return digest.digest()


def _modules() -> Iterable[Path]:
    for room in _RULES:
        yield from (_PROGRAM / room).rglob("*.py")


def _version(library: str) -> str:
    try:
        return version(library)
    except ModuleNotFoundError:
        return ""
