"""Raw records that become no row: those outside a table, and those that cannot be used."""

import msgspec

from transforms.core.outcomes import OUTSIDE
from transforms.core.records import Row

NOT_AN_OBJECT = "not_an_object"
NO_ID = "no_id"


class Outside(msgspec.Struct, frozen=True):
    """A record that the table's ``only`` leaves out: if its row is known, that is gone.

    ``kind`` is the table's, the unknown kind where two tables leave it out. ``changed_at`` and
    ``order`` are as in ``Row``.
    """

    source: str
    kind: str
    source_id: str
    changed_at: int
    order: int
    raw: bytes

    def as_row(self) -> Row:
        """Returns it as the row without a payload that carries it to the ledger."""
        return Row(
            self.source, self.kind, self.source_id, self.changed_at, self.order, "", OUTSIDE,
            "the store's configuration leaves it out", b"", self.raw,
        )  # fmt: skip


class Unusable(msgspec.Struct, frozen=True):
    """Why a value of a store is no record: it becomes a dead letter with this reason."""

    source: str
    reason: str
    detail: str
    raw: bytes = b""
