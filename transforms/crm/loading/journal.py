"""The journal of a load: what was sent of each record last, what is under way, what came of it.

The loader decides each write and speaks to two collaborators: the portal, which takes the write,
and the journal, which notes it. ``LedgerJournal`` keeps the notes in the ledger;
``transforms.crm.recording.OverlayJournal`` keeps those of a plan in memory, above the ledger's.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from sqlalchemy.engine import Connection

from transforms.core.golden_records import GoldenCompany
from transforms.core.identity import Run
from transforms.core.records import COMPANY, CONTACT
from transforms.crm.api.mapping import LINKS
from transforms.crm.api.outcomes import Fields
from transforms.ledger.base.goldens import golden_companies
from transforms.ledger.database import Ledger
from transforms.ledger.loads import load_queue, rejections
from transforms.ledger.loads.card_facts import (
    CardFacts,
    UnfitValue,
    read_card_facts,
    save_unfit_values,
)
from transforms.ledger.loads.rejections import RejectedRecord
from transforms.ledger.loads.sent import (
    ITEM,
    Intent,
    Key,
    Sent,
    clear_intents,
    intents,
    save_intents,
    save_sent,
    sent_parts,
)
from transforms.ledger.lock import check_run_is_newest

SentParts = dict[str, dict[str, Sent]]
"""The fields that were sent last, by record key and part."""


class Journal(Protocol):
    """The notes that a load reads and makes about records; ``kind``: ``company`` or ``contact``."""

    def sent_parts(self, kind: str, keys: Sequence[str]) -> SentParts:
        """The fields sent last of each record, part by part."""

    def intents(self, kind: str, keys: Sequence[str]) -> dict[Key, Intent]:
        """Writes of these records whose outcome is unknown."""

    def company_ids(self, tins: Sequence[str]) -> dict[str, int]:
        """The CRM ids of those companies that are in the CRM."""

    def rejected_companies(self, tins: Sequence[str]) -> set[str]:
        """Those of the companies that the CRM rejects."""

    def companies_created_now(self, tins: Sequence[str]) -> set[str]:
        """Those of the companies that this load has created."""

    def golden_companies(self, tins: Sequence[str]) -> list[GoldenCompany]:
        """The golden records of these companies."""

    def card_facts(self, kind: str, keys: Sequence[str], sources: Collection[str]) -> CardFacts:
        """What cards show of these records beside their golden records."""

    def note_unfit_values(
        self, kind: str, keys: Sequence[str], unfit_values: Sequence[UnfitValue]
    ) -> None:
        """Note the values of these records that the portal's fields cannot hold."""

    def intend_creates(self, kind: str, parts: Mapping[Key, Fields]) -> None:
        """Note creates before they are sent.

        Raises:
            LedgerLockedError: when another run has begun since.
        """

    def intend_updates(self, kind: str, parts: Mapping[Key, Fields]) -> None:
        """Note writes before they are sent that are harmless to repeat."""

    def note_existing(self, kind: str, parts: Mapping[Key, Sent], ours: Iterable[Key]) -> None:
        """Note parts that a look-up found; ``ours`` come from a create with unknown outcome."""

    def note_created(self, kind: str, parts: Mapping[Key, Sent], answered: Iterable[Key]) -> None:
        """Note created parts with their new ids; ``answered`` creates are no longer under way."""

    def note_updated(
        self,
        kind: str,
        parts: Mapping[Key, Sent],
        answered: Iterable[Key],
        touched: Sequence[str],
    ) -> None:
        """Note what the CRM now holds of these parts; ``touched`` records were written to."""

    def note_links(self, links: Mapping[str, Sequence[int]]) -> None:
        """Note all company ids that each of these contacts is linked to by us."""

    def finish(
        self,
        kind: str,
        rejected: Sequence[RejectedRecord],
        loaded: Mapping[str, tuple[int, str]],
    ) -> None:
        """Note which records are rejected, and the CRM id and version of those loaded in full."""

    def report_deleted_companies(self, tins: Sequence[str]) -> None:
        """Note companies that people have deleted in the CRM."""


class LedgerLookups:
    """What every journal reads of the ledger, whatever it does with the writes."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def rejected_companies(self, tins: Sequence[str]) -> set[str]:
        """Those of the companies that the CRM rejects."""
        with self._ledger.read() as connection:
            return rejections.rejected_keys(connection, COMPANY, tins)

    def golden_companies(self, tins: Sequence[str]) -> list[GoldenCompany]:
        """The golden records of these companies."""
        with self._ledger.read() as connection:
            return golden_companies(connection, tins)

    def card_facts(self, kind: str, keys: Sequence[str], sources: Collection[str]) -> CardFacts:
        """What cards show of these records beside their golden records."""
        with self._ledger.read() as connection:
            return read_card_facts(connection, kind, keys, sources)


class LedgerJournal(LedgerLookups):
    """Keeps the notes of a run in the ledger. Safe for several threads."""

    def __init__(self, ledger: Ledger, run: Run) -> None:
        super().__init__(ledger)
        self._run = run

    def sent_parts(self, kind: str, keys: Sequence[str]) -> SentParts:
        """The fields sent last of each record, part by part."""
        with self._ledger.read() as connection:
            return sent_parts(connection, kind, keys)

    def intents(self, kind: str, keys: Sequence[str]) -> dict[Key, Intent]:
        """Writes of these records whose outcome is unknown."""
        with self._ledger.read() as connection:
            return intents(connection, kind, keys)

    def company_ids(self, tins: Sequence[str]) -> dict[str, int]:
        """The CRM ids of those companies that are in the crosswalk."""
        with self._ledger.read() as connection:
            return load_queue.crm_ids(connection, COMPANY, tins)

    def companies_created_now(self, tins: Sequence[str]) -> set[str]:
        """Those of the companies that this run has created."""
        with self._ledger.read() as connection:
            return load_queue.keys_created_by(connection, self._run, COMPANY, tins)

    def note_unfit_values(
        self, kind: str, keys: Sequence[str], unfit_values: Sequence[UnfitValue]
    ) -> None:
        """Save the values that did not fit, in place of those of an earlier load."""
        self._ledger.transact(
            lambda connection: save_unfit_values(connection, self._run, kind, keys, unfit_values)
        )

    def intend_creates(self, kind: str, parts: Mapping[Key, Fields]) -> None:
        """Note creates before they are sent, unless another run has begun."""

        def intend(connection: Connection) -> None:
            check_run_is_newest(connection, self._run)
            save_intents(connection, kind, parts)

        self._ledger.transact(intend)

    def intend_updates(self, kind: str, parts: Mapping[Key, Fields]) -> None:
        """Note writes before they are sent."""
        self._ledger.transact(lambda connection: save_intents(connection, kind, parts))

    def note_existing(self, kind: str, parts: Mapping[Key, Sent], ours: Iterable[Key]) -> None:
        """Save what is taken as sent of existing parts, and enter items into the crosswalk."""
        created = set(ours)
        self._ledger.transact(lambda connection: self._enter(connection, kind, parts, created))

    def note_created(self, kind: str, parts: Mapping[Key, Sent], answered: Iterable[Key]) -> None:
        """Save created parts at once with their ids: nothing has to be looked up again."""

        def note(connection: Connection) -> None:
            self._enter(connection, kind, parts, parts.keys())
            clear_intents(connection, kind, answered)

        self._ledger.transact(note)

    def _enter(
        self, connection: Connection, kind: str, parts: Mapping[Key, Sent], created: Iterable[Key]
    ) -> None:
        save_sent(connection, kind, parts)
        created_keys = set(created)
        for is_created in (True, False):
            items = {
                key: sent.crm_id
                for (key, part), sent in parts.items()
                if part == ITEM and ((key, part) in created_keys) is is_created
            }
            load_queue.record_items(connection, self._run, kind, items, created=is_created)
        touched = sorted({key for key, part in created_keys if part != ITEM})
        load_queue.mark_updated(connection, self._run, kind, touched)

    def note_updated(
        self,
        kind: str,
        parts: Mapping[Key, Sent],
        answered: Iterable[Key],
        touched: Sequence[str],
    ) -> None:
        """Save what the CRM now holds of these parts."""

        def note(connection: Connection) -> None:
            save_sent(connection, kind, parts)
            clear_intents(connection, kind, answered)
            load_queue.mark_updated(connection, self._run, kind, touched)

        self._ledger.transact(note)

    def note_links(self, links: Mapping[str, Sequence[int]]) -> None:
        """Save the links with what else was sent of each contact's item."""

        def note(connection: Connection) -> None:
            keys = list(links)
            load_queue.mark_updated(connection, self._run, CONTACT, keys)
            parts = sent_parts(connection, CONTACT, keys)
            items = {(key, ITEM): with_links(parts[key][ITEM], links[key]) for key in keys}
            save_sent(connection, CONTACT, items)

        self._ledger.transact(note)

    def finish(
        self,
        kind: str,
        rejected: Sequence[RejectedRecord],
        loaded: Mapping[str, tuple[int, str]],
    ) -> None:
        """Save rejections, and the id and version of the records that the CRM holds in full."""

        def note(connection: Connection) -> None:
            rejections.reject(connection, self._run, kind, rejected)
            load_queue.mark_loaded(connection, self._run, kind, loaded)

        self._ledger.transact(note)

    def report_deleted_companies(self, tins: Sequence[str]) -> None:
        """Save the companies as rejected in their present version."""
        self._ledger.transact(
            lambda connection: rejections.reject_deleted(connection, self._run, COMPANY, tins)
        )


def with_links(sent: Sent, company_ids: Sequence[int]) -> Sent:
    """The fields sent of a contact's item, with these links in place of the earlier ones."""
    return Sent(sent.crm_id, sent.fields | {LINKS: list(company_ids)})
