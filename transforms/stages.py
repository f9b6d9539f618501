"""The stages of a run, each a plain function, and their order.

1. ``record_dead_letters``: writes ``invalid_messages``.
2. ``remember_rows``: compares the rows with ``rows`` and ``tombstones``; writes these, ``links``,
   ``stale_contacts``, and what our rules refuse into ``invalid_companies``, ``invalid_contacts``.
3. ``refuse_gone_rows``: refuses the known ``rows`` of what was read whole that the run has not
   seen, and those of withdrawn stores; writes what ``remember_rows`` does.
4. ``resume_unfinished``: reads unsettled ``runs``, ``deferred``, expired ``register_answers``,
   ``dirty_contacts`` and ``stale_contacts``; writes nothing.
5. ``ask_register``: reads ``rows`` and ``register_answers``; writes ``register_answers`` and
   ``register_usage``.
6. ``consolidate_companies``: reads all valid rows of a TIN and its answer; writes ``golden``,
   ``members``, ``unloaded``, ``invalid_companies``, ``deferred``.
7. ``contacts_of_companies``: reads ``links``; writes nothing.
8. ``resolve_contacts``: reads ``links`` and the companies of each row; writes ``contact_keys``,
   ``dirty_contacts``, ``invalid_contacts``, ``deferred``.
9. ``find_connected_components``: reads ``dirty_contacts``, ``contact_keys``, ``members``,
   ``judgements``; writes ``hot_keys`` and, where one is due, a model.
10. ``consolidate_persons``: reads the rows of each component; writes ``golden``, ``members``,
    ``golden_tins``, ``aliases``, ``doubts``, ``former_persons``, ``unloaded``; what it has rebuilt
    leaves ``dirty_contacts`` and ``stale_contacts``.
11. ``settle_and_load``: marks the ``runs`` as settled and moves ``cursors``; then reads
    ``unloaded`` and ``golden``, and writes ``crosswalk``, ``sent``, ``intents``, ``rejected``,
    ``deferred``.

``run_stages`` calls them one after the other: the stream's writer and the polls between its windows
use it. In the bounded graph each step that uses the ledger calls one stage, on several workers
where the stage allows it: its input is then a part of the keys (``consolidate_companies``,
``resolve_contacts``, ``consolidate_persons``) or of the rows (``remember_rows``).

A stage that has work to do notes its progress for whoever watches the run.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from transforms.consolidation import companies, connected_components, contact_standing, persons
from transforms.consolidation.register_questions import (
    RegisterAccess,
    shared_session,
    unanswered_tins,
)
from transforms.core.identity import RowKey, Run
from transforms.core.process_pool import IN_PLACE, ProcessPool
from transforms.core.records import DeadLetter, Row, decode_rows
from transforms.core.stores import WITHDRAWN
from transforms.crm.access import CrmAccess, load_crm
from transforms.ledger.accounting import check_nothing_lost
from transforms.ledger.database import Ledger
from transforms.ledger.progress import PartialProgress, announce, complete
from transforms.ledger.rows import dead_letters, source_rows
from transforms.ledger.rows.gone_rows import StoreAndKind, refuse_all, refuse_unseen
from transforms.ledger.rows.source_rows import TouchedKeys
from transforms.ledger.rows.unfinished_work import unfinished_work, unsettled_runs
from transforms.ledger.runs import settle_run
from transforms.ledger.stores import stores_of_ledger

_ROWS_IN_MEMORY = 20_000


def run_stages(
    ledger: Ledger,
    run: Run,
    register: RegisterAccess,
    crm: CrmAccess | None,
    rows: Iterable[bytes] = (),
    letters: Sequence[DeadLetter] = (),
    processes: ProcessPool = IN_PLACE,
    read_whole: Collection[StoreAndKind] = (),
) -> None:
    """Bring encoded rows, dead letters and unfinished work into the ledger and the CRM.

    A run does this once: another attempt is another run. Without ``crm`` nothing is loaded.
    ``read_whole`` is as ``refuse_gone_rows`` takes it.
    """
    record_dead_letters(ledger, run, letters)
    touched = find_touched_keys(ledger, run, portions(rows), processes)
    touched.add(refuse_gone_rows(ledger, run, read_whole, processes))
    ask_register(ledger, run, register, touched.tins)
    rebuild(ledger, run, touched, processes)
    settle_and_load(ledger, run, crm)


def find_touched_keys(
    ledger: Ledger, run: Run, rows: Iterable[Sequence[Row]], processes: ProcessPool = IN_PLACE
) -> TouchedKeys:
    """The first half of the order: returns the keys that rows and unfinished work touch."""
    touched = TouchedKeys(set(), set(), set())
    for part in remember_rows(ledger, run, rows, processes):
        touched.add(part)
    touched.add(resume_unfinished(ledger, run))
    return touched


def rebuild(
    ledger: Ledger, run: Run, touched: TouchedKeys, processes: ProcessPool = IN_PLACE
) -> None:
    """The second half of the order, after ``ask_register``: rebuilds golden records."""
    contacts = touched.contacts | consolidate_companies(
        ledger, run, sorted(touched.tins), processes, may_repeat=False
    )
    contacts |= contacts_of_companies(ledger, touched.companies)
    resolve_contacts(ledger, run, sorted(contacts), processes)
    components = find_connected_components(ledger, run, processes)
    consolidate_persons(ledger, run, components, processes)


def record_dead_letters(ledger: Ledger, run: Run, letters: Sequence[DeadLetter]) -> None:
    """Keep input that is not a record, so that people can look at it."""
    ledger.transact(lambda connection: dead_letters.record_dead_letters(connection, run, letters))


def portions(encoded: Iterable[bytes]) -> Iterator[list[Row]]:
    """Decodes rows; yields some ten thousand at a time, as many as fit in memory."""
    rows: list[Row] = []
    for part in encoded:
        rows += decode_rows(part)
        if len(rows) >= _ROWS_IN_MEMORY:
            yield rows
            rows = []
    if rows:
        yield rows


def remember_rows(
    ledger: Ledger,
    run: Run,
    rows: Iterable[Sequence[Row]],
    processes: ProcessPool = IN_PLACE,
    part: str = "",
) -> Iterator[TouchedKeys]:
    """Keep the newest version of each row; yields the keys that each portion of them touches.

    ``part`` names the rows, where several workers remember those of a run.
    """
    progress = PartialProgress(ledger, run, "remember", follows="read")
    count = 0
    for portion in rows:
        yield source_rows.remember(ledger, run, portion, processes)
        count += len(portion)
        progress.note(part, count)
    if count:
        progress.flush()


def refuse_gone_rows(
    ledger: Ledger,
    run: Run,
    read_whole: Collection[StoreAndKind],
    processes: ProcessPool = IN_PLACE,
) -> TouchedKeys:
    """Refuse the known rows that their stores no longer have; returns the keys that they touch.

    ``read_whole`` has each store and kind of which the run has read everything, to its end, and
    remembered it; so what it has not seen is gone. Of a withdrawn store, which no run reads, all
    rows are. One worker does this, between ``remember_rows`` and the consolidation.
    """
    touched = TouchedKeys(set(), set(), set())
    if not read_whole:
        return touched
    stores = stores_of_ledger(ledger)
    for key, kind in sorted(read_whole):
        store = stores.get(key)
        refuse = refuse_all if store and store.state == WITHDRAWN else refuse_unseen
        touched.add(refuse(ledger, run, key, kind, processes))
    return touched


def resume_unfinished(ledger: Ledger, run: Run) -> TouchedKeys:
    """Returns the keys of deferred companies, expired answers, and work that was cut off."""
    with ledger.read() as connection:
        return unfinished_work(connection, run)


def ask_register(ledger: Ledger, run: Run, register: RegisterAccess, tins: Collection[str]) -> None:
    """Ask about the TINs without a fresh answer. One worker asks for the whole run."""
    if unanswered := unanswered_tins(ledger, sorted(tins)):
        with shared_session(register) as session:
            session.ask(ledger, run, unanswered)
    elif tins:
        complete(ledger, run, "register")
    if tins:
        announce(ledger, run, "companies", len(tins))


def consolidate_companies(
    ledger: Ledger,
    run: Run,
    tins: Sequence[str],
    processes: ProcessPool = IN_PLACE,
    *,
    may_repeat: bool,
) -> set[RowKey]:
    """Rebuild the companies of these TINs; returns the contact rows to resolve again.

    The contacts of a row that was a member of its company before the run, and stays one, need not
    be resolved again: a first attempt leaves them out. After an attempt that was cut off it
    is unknown which members are new, so the contacts of all rows are returned. Such an attempt is
    an earlier run that is not settled; or, where the engine ``may_repeat`` a bundle within the run,
    an earlier try of this bundle, of which nothing is known. So a bundle that is repeated returns
    what it returned before.
    """
    is_first = not may_repeat and not _unsettled(ledger, run)
    rows = companies.consolidate(ledger, run, tins, processes, is_first_attempt=is_first)
    if tins:
        PartialProgress(ledger, run, "companies").note(tins[0], len(tins))
    return contacts_of_companies(ledger, rows)


def _unsettled(ledger: Ledger, run: Run) -> bool:
    with ledger.read() as connection:
        return bool(unsettled_runs(connection, run))


def contacts_of_companies(ledger: Ledger, company_rows: Collection[RowKey]) -> set[RowKey]:
    """Returns the contact rows that name any of these company rows."""
    if not company_rows:
        return set()
    with ledger.read() as connection:
        return contact_standing.contacts_of(connection, sorted(company_rows))


def resolve_contacts(
    ledger: Ledger, run: Run, contacts: Sequence[RowKey], processes: ProcessPool = IN_PLACE
) -> None:
    """Decide for each contact row whether it is matched, waits for a company, or is refused."""
    contact_standing.resolve(ledger, run, contacts, processes)


def find_connected_components(
    ledger: Ledger, run: Run, processes: ProcessPool = IN_PLACE
) -> list[list[str]]:
    """Returns the connected components around dirty contact rows, as lists of row references.

    Persons outside them that have stale rows are merged anew here. One worker does all this for
    the whole run, when its contacts are resolved.
    """
    components = connected_components.dirty_components(ledger, run, processes)
    persons.refresh(ledger, run, components, processes)
    if components:
        announce(ledger, run, "contacts", sum(map(len, components)))
    return components


def consolidate_persons(
    ledger: Ledger, run: Run, components: Collection[list[str]], processes: ProcessPool = IN_PLACE
) -> int:
    """Rebuild the persons of these components; returns the number of persons."""
    count = persons.consolidate(ledger, run, components, processes)
    if components:
        part = next(iter(components))[0]
        PartialProgress(ledger, run, "contacts").note(part, sum(map(len, components)))
    return count


def settle_and_load(
    ledger: Ledger,
    run: Run,
    crm: CrmAccess | None,
    read_up_to: Mapping[str, str] | None = None,
) -> None:
    """Settle the run, for all that it touched is rebuilt; then bring the CRM up to the ledger.

    ``read_up_to`` is how far the run has read the stores: their cursors move on. Without ``crm``
    the golden records wait in the ledger. One worker loads: the limits are the portal's.

    Raises:
        WorkLostError: an engine lost rows on the way; the run is not settled, so none is forgotten.
    """
    with ledger.read() as connection:
        check_nothing_lost(connection, run)
    complete(ledger, run, "remember", "companies", "contacts")
    settle_run(ledger, run, read_up_to or {})
    if crm:
        load_crm(ledger, run, crm)
