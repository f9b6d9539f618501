"""Judgements on doubtful pairs: kept for ever, and obeyed from the next run on.

A yes joins the two, a no keeps them apart, also if they had been joined before.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy.engine import Connection

from pipeline.review.pairs import describe
from transforms.consolidation.contact_standing import contacts_of
from transforms.core.errors import SvodError
from transforms.core.identity import row_key, row_ref
from transforms.core.records import COMPANY, CONTACT
from transforms.core.stores import Stores
from transforms.ledger.base.reviews import save_judgements
from transforms.ledger.database import Ledger
from transforms.ledger.inspection import find_row
from transforms.ledger.rows.rebuild_marks import mark_dirty
from transforms.ledger.runs import utc_now
from transforms.ledger.stores import read_stores


class WrongJudgementError(SvodError):
    """A judgement on a record that the ledger does not have, or that is neither yes nor no."""


def judge(ledger: Ledger, kind: str, judgements: Mapping[tuple[str, str], bool]) -> None:
    """Save judgements by pair of references, True for "the same"; the next run obeys them.

    A reference is taken as a person types it: in any case, and without leading zeros.

    Raises:
        WrongJudgementError: the ledger lacks one of the records; then nothing is saved.
    """

    def save(connection: Connection) -> None:
        stores = read_stores(connection)
        full_judgements = {
            (
                _full_ref(connection, stores, left_ref),
                _full_ref(connection, stores, right_ref),
            ): same
            for (left_ref, right_ref), same in judgements.items()
        }
        for left_ref, right_ref in full_judgements:
            _check(connection, kind, left_ref, right_ref)
        save_judgements(connection, kind, full_judgements, utc_now())
        if kind == CONTACT:
            mark_dirty(connection, {row_key(ref) for pair in full_judgements for ref in pair})
        else:
            companies = [row_key(row) for row, _ in full_judgements]
            mark_dirty(connection, contacts_of(connection, companies))

    ledger.transact(save)


def kind_of(pair: Sequence[str]) -> str:
    """Returns the kind of a pair: two rows are contacts, a row and a TIN are companies."""
    return CONTACT if ":" in pair[1] else COMPANY


def _full_ref(connection: Connection, stores: Stores, ref: str) -> str:
    row = stores.parse_reference(ref)
    return row_ref(find_row(connection, row)) if row else ref


def _check(connection: Connection, kind: str, left_ref: str, right_ref: str) -> None:
    if left_ref == right_ref:
        raise WrongJudgementError(f"{left_ref} and {right_ref} are the same row")
    for ref in (left_ref, right_ref):
        if not describe(connection, kind, ref):
            raise WrongJudgementError(
                f"nothing is known of {ref}: give two rows of contacts (A:17 B:0002000456), or a"
                " company's row and a TIN (A:17 7805746764)"
            )
