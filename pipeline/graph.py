"""The wiring of a run: full load, delta and replay by ``build``, the stream by ``build_stream``.

Each source reads and cleans, so that everything behind it gets rows of one form, and input that is
not a record as dead letters::

    full load   store A (database) ─> CleanRows ────────────────────┐
                store B (files: the reader's processes clean) ──────┤
    delta       store A (database) ─> CleanRows ────────────────────┤
                store B (topic: each batch of messages is cleaned) ─┼─> rows, dead letters
    replay      refused originals (ledger) ─> CleanRows ────────────┤
    stream      store B (topic: each batch of messages is cleaned) ─┘

What follows is the order of ``transforms.stages``. In a bounded run each stage is a step, spread
over the workers where the stage allows it::

    dead letters ─> RecordDeadLetters
    rows ─> RememberRows ──┬─> TINs ─> CheckRegister ─> companies ─┬────────────> LoadCrm
    ResumeUnfinishedWork ──┤                                       v                 ^
                           └─> contact rows ──────────────────> contacts ────────────┘

Rows cross the first grouping, keys all others: what is rebuilt is read from the ledger, which holds
the newest version of each row. A delta commits the topic's offsets after the load. In the stream
one writer runs the same stages for each window::

    rows, dead letters, positions ─> windows ─> run_stages ─> offsets committed
"""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import apache_beam as beam
import msgspec
from apache_beam.runners.runner import PipelineRunner

from pipeline import file_stores, options, sql_stores
from pipeline.access import crm_access, register_access, topic_accesses
from pipeline.engine import on_job_server, on_prism, process_count
from transforms.clean import Cleaned, CleanRows, Sharded, SplitByOutcome
from transforms.clean_batch import clean_partners
from transforms.configuration.builtin import SECOND_STORE
from transforms.configuration.selection import StoreAndKind, parts_read_whole, withdrawn_parts
from transforms.consolidate import ConsolidateCompanies, ConsolidateContacts, FindContacts
from transforms.consolidation.register_questions import RegisterAccess
from transforms.core.identity import Run
from transforms.core.process_pool import ProcessCount
from transforms.core.records import COMPANY, CONTACT, DeadLetter, Kind
from transforms.core.secrets import Secret
from transforms.crm.access import CrmAccess
from transforms.fields import time
from transforms.known_originals import KnownOriginals
from transforms.load import LoadCrm
from transforms.read_files import ReadFiles
from transforms.read_sql import ReadSql
from transforms.read_store_b import ReadPartnerFiles
from transforms.remember import (
    CountRead,
    RecordDeadLetters,
    RefuseGoneRows,
    RememberRemarks,
    RememberRows,
    ResumeUnfinishedWork,
    TouchedCollections,
)
from transforms.stores.registry import rules_of
from transforms.stores.topic.client import TopicAccess
from transforms.stores.topic.events import event_reader
from transforms.stores.topic.messages import PartitionRange, StoreRange
from transforms.topic.commit_offsets import CommitOffsets
from transforms.topic.read_topic import ReadTopic
from transforms.topic.stream_watch import Stream
from transforms.topic.window_writer import RunWindow
from transforms.topic.write_windows import WriteWindows

_TABLES: Mapping[Kind, str] = {COMPANY: "companies", CONTACT: "contacts"}


class Settings(msgspec.Struct, frozen=True):
    """The graph's settings. They travel to the workers, so secrets are there by name only."""

    run: Run
    ledger: Secret
    register: RegisterAccess
    crm: CrmAccess | None
    processes: ProcessCount = 0


Rows = dict[str, beam.PCollection[Sharded]]
"""Rows by their origin and outcome; the first grouping unites them."""


class Sources(NamedTuple):
    """Cleaned rows, dead letters, and how far these cover the stores: cursors, a topic's ranges.

    The dead letters are by store key. ``read_whole`` names each store and kind of which all is read
    (``transforms.stages.refuse_gone_rows``).
    """

    rows: Rows
    dead_letters: Mapping[str, beam.PCollection[DeadLetter]]
    read_up_to: Mapping[str, str] = {}
    topics: "tuple[Topic, ...]" = ()
    read_whole: frozenset[StoreAndKind] = frozenset()


class Topic(NamedTuple):
    """The topic that was read, and the ranges of its partitions that were."""

    access: TopicAccess
    positions: beam.PCollection[PartitionRange]


def settings(chosen: options.Options, run: Run, *, loads: bool = True) -> Settings:
    """Returns the graph's settings by the command's options."""
    return Settings(
        run=run,
        ledger=options.LEDGER,
        register=register_access(chosen),
        crm=crm_access(chosen) if loads else None,
        processes=chosen.processes,
    )


def build(root: beam.Pipeline, sources: Sources, chosen: Settings) -> beam.PCollection[int]:
    """Wire what follows the sources; returns one element, when the CRM is loaded.

    Without ``chosen.crm`` it ends in the ledger, which then says what to load.
    """
    ledger, run = chosen.ledger, chosen.run
    unfinished = root | "ResumeUnfinishedWork" >> ResumeUnfinishedWork(ledger, run)
    # Nothing is read where all stores are withdrawn, or no file is new.
    rows = sources.rows or {"": root | "NoRows" >> beam.Create([]).with_output_types(Sharded)}
    remembered = dict(rows) | "RememberRows" >> RememberRows(ledger, run)
    recorded = [
        dead_letters | f"RecordDeadLetters {key}" >> RecordDeadLetters(ledger, run)
        for key, dead_letters in sources.dead_letters.items()
    ]
    touched = {"changed": remembered, "unfinished": unfinished}
    if sources.read_whole:
        touched["gone"] = (
            remembered,
            sources.dead_letters,
        ) | "RefuseGoneRows" >> RefuseGoneRows(ledger, run, sources.read_whole)
    persons = _consolidate(touched, chosen, root.runner)
    # The load also sends what earlier runs could not, so it happens in every run.
    always = root | "Always" >> beam.Create([0])
    loaded = (
        (persons, always)
        | "Done" >> beam.Flatten()
        | "LoadCrm" >> LoadCrm(ledger, run, chosen.crm, sources.read_up_to)
    )
    if sources.topics:
        signals = (loaded, *recorded) | "AllDone" >> beam.Flatten()
        for topic in sources.topics:
            commit = CommitOffsets(ledger, run, topic.access)
            _ = (topic.positions, signals) | f"CommitOffsets {topic.access.store}" >> commit
    return loaded


def _consolidate(
    touched: Mapping[str, TouchedCollections], chosen: Settings, engine: PipelineRunner
) -> beam.PCollection[int]:
    """Wire companies first, because contacts depend on them; then all touched contacts.

    ``touched`` has the keys by the reason of the touch.
    """
    ledger, run = chosen.ledger, chosen.run
    processes = process_count(chosen.processes, engine)
    of_companies = {
        reason: keys.tins for reason, keys in touched.items()
    } | "ConsolidateCompanies" >> ConsolidateCompanies(
        ledger, run, chosen.register, processes=processes
    )
    of_refused = (
        [keys.companies for keys in touched.values()]
        | "Refused" >> beam.Flatten()
        | "FindContacts" >> FindContacts(ledger, run)
    )
    return {
        **{reason: keys.contacts for reason, keys in touched.items()},
        "of_companies": of_companies,
        "of_refused": of_refused,
    } | "ConsolidateContacts" >> ConsolidateContacts(ledger, run, processes=processes)


def full_sources(root: beam.Pipeline, chosen: options.Options, run: Run) -> Sources:
    """Read the stores: all of them, or what changed since the date that the options name."""
    rows: Rows = {}
    dead_letters: dict[str, beam.PCollection[DeadLetter]] = {}
    read_up_to: dict[str, str] = {}
    read_whole = withdrawn_parts(chosen.configuration)
    known = KnownOriginals(options.LEDGER, run)
    for key, table in sql_stores.sql_stores(chosen, "full").items():
        stretch = sql_stores.full_stretch(chosen, key, table)
        read_whole |= _parts_read_whole(chosen, key)
        dead_letters |= _add_sql_store(rows, root, chosen, run, stretch, known)
        read_up_to |= stretch.read_up_to
    for name, group in file_stores.file_stores(chosen, "full").items():
        dead_letters |= _add_file_store(rows, root, chosen, run, name, group, dead_letters)
        read_up_to |= group.read_up_to
        read_whole |= _parts_read_whole(chosen, group.key)
    if chosen.store_b_files and not chosen.has_file_stores:
        since = time.parse(chosen.since, local=True)[0] if chosen.since else 0
        files = root | "ReadPartnerFiles" >> ReadPartnerFiles(
            chosen.store_b_files,
            partial(clean_partners, since=since),
            encoding=chosen.store_b_encoding,
            known=known,
            processes=process_count(chosen.processes, root.runner),
        )
        counted = files.batches | "Count B" >> CountRead(options.LEDGER, run)
        cleaned = counted | "Part B" >> SplitByOutcome()
        add_cleaned(rows, SECOND_STORE, cleaned)
        letters = files.dead_letters, cleaned.dead_letters
        dead_letters[SECOND_STORE] = letters | "DeadLetters B" >> beam.Flatten()
        read_whole |= _parts_read_whole(chosen, SECOND_STORE)
        _ = files.remarks | "RememberRemarks" >> RememberRemarks(options.LEDGER, run)
    return Sources(rows, dead_letters, read_up_to, read_whole=read_whole)


def delta_sources(root: beam.Pipeline, chosen: options.Options, run: Run) -> Sources:
    """Read what changed in the stores since the last run."""
    sources = Sources({}, {}, read_whole=withdrawn_parts(chosen.configuration))
    for key, table in sql_stores.sql_stores(chosen, "delta").items():
        stretch = sql_stores.delta_stretch(chosen, key, table)
        dead_letters = _add_sql_store(sources.rows, root, chosen, run, stretch)
        sources = sources._replace(
            dead_letters={**sources.dead_letters, **dead_letters},
            read_up_to={**sources.read_up_to, **stretch.read_up_to},
        )
    for access in topic_accesses(chosen):
        sources = _add_topic(sources, root, chosen, run, access)
    for name, group in file_stores.file_stores(chosen, "delta").items():
        dead_letters = _add_file_store(
            sources.rows, root, chosen, run, name, group, sources.dead_letters
        )
        sources = sources._replace(
            dead_letters={**sources.dead_letters, **dead_letters},
            read_up_to={**sources.read_up_to, **group.read_up_to},
        )
    return sources


def _add_topic(
    sources: Sources, root: beam.Pipeline, chosen: options.Options, run: Run, access: TopicAccess
) -> Sources:
    """Add the changes that a topic holds up to its end as of now."""
    key, processes = access.store, process_count(chosen.processes, root.runner)
    events = root | f"ReadTopic {key}" >> ReadTopic(
        access, event_reader(chosen.configuration, key), processes=processes
    )
    counted = events.batches | f"Count {key}" >> CountRead(options.LEDGER, run)
    cleaned = counted | f"Part {key}" >> SplitByOutcome()
    add_cleaned(sources.rows, key, cleaned)
    letters = (events.dead_letters, cleaned.dead_letters) | f"DeadLetters {key}" >> beam.Flatten()
    return sources._replace(
        dead_letters={**sources.dead_letters, key: letters},
        topics=(*sources.topics, Topic(access, events.positions)),
    )


def _add_file_store(
    rows: Rows,
    root: beam.Pipeline,
    chosen: options.Options,
    run: Run,
    name: str,
    group: file_stores.FileStore,
    known_letters: Mapping[str, beam.PCollection[DeadLetter]],
) -> dict[str, beam.PCollection[DeadLetter]]:
    """Wire files of a store; returns the dead letters of the store, with those known before."""
    key = group.key
    processes = process_count(chosen.processes, root.runner)
    read = root | f"Read {name}" >> ReadFiles(group.parts, group.convert, processes=processes)
    counted = read.batches | f"Count {name}" >> CountRead(options.LEDGER, run)
    cleaned = counted | f"Part {name}" >> SplitByOutcome()
    add_cleaned(rows, name, cleaned)
    _ = read.remarks | f"Remarks {name}" >> RememberRemarks(options.LEDGER, run)
    letters = [read.dead_letters, cleaned.dead_letters]
    letters += [known_letters[key]] if key in known_letters else []
    return {key: letters | f"DeadLetters {name}" >> beam.Flatten()}


def _parts_read_whole(chosen: options.Options, key: str) -> frozenset[StoreAndKind]:
    if chosen.since:
        return frozenset()
    return parts_read_whole(key, chosen.configuration.store[key])


def _add_sql_store(
    rows: Rows,
    root: beam.Pipeline,
    chosen: options.Options,
    run: Run,
    stretch: sql_stores.Stretch,
    known: KnownOriginals | None = None,
) -> dict[str, beam.PCollection[DeadLetter]]:
    """Wire a store in a database; returns its dead letters, such as rows without an id."""
    key = stretch.store.key
    read = root | f"Read {key}" >> ReadSql(stretch.store, since=stretch.since)
    count = CountRead(options.LEDGER, run)
    processes = process_count(chosen.processes, root.runner)
    dead_letters = [] if read.dead_letters is None else [read.dead_letters]
    for kind, batches in read.batches.items():
        name, clean = f"{key} {_TABLES[kind]}", rules_of(chosen.configuration, key).cleaners[kind]
        counted = batches | f"Count {name}" >> count
        cleaner = CleanRows(clean, known=known, processes=processes)
        cleaned = counted | f"Clean {name}" >> cleaner
        add_cleaned(rows, name, cleaned)
        dead_letters.append(cleaned.dead_letters)
    return {key: dead_letters | f"DeadLetters {key}" >> beam.Flatten()}


def add_cleaned(rows: Rows, name: str, cleaned: Cleaned) -> None:
    """Add a cleaner's outputs to the rows, under names that begin with ``name``."""
    rows[name] = cleaned.valid
    rows[f"{name}: invalid companies"] = cleaned.invalid_companies
    rows[f"{name}: invalid contacts"] = cleaned.invalid_contacts


def build_stream(
    root: beam.Pipeline,
    chosen: options.Options,
    number: int,
    run_window: RunWindow,
    *,
    loads: bool = True,
) -> None:
    """Wire the stream ``number``: the topics' events, cleaned, go to the one writer by window."""
    accesses, stream = topic_accesses(chosen), Stream(options.LEDGER, number)
    events = [_follow_topic(root, chosen, access, stream) for access in accesses]
    rows = tuple(part for topic in events for part in topic.rows)
    dead_letters = [topic.dead_letters for topic in events] | "DeadLetters" >> beam.Flatten()
    positions = [topic.positions for topic in events] | "Positions" >> beam.Flatten()
    _ = (rows, dead_letters, positions) | "WriteWindows" >> WriteWindows(
        stream,
        accesses,
        register_access(chosen),
        crm_access(chosen) if loads else None,
        run_window,
        processes=chosen.processes,
        # Flink removes no job whose sources have ended; Dataflow would repeat the failing step.
        fails_at_end=on_job_server(chosen),
    )


class _TopicStream(NamedTuple):
    """A topic that is followed: its rows by outcome, its dead letters, its ranges by store."""

    rows: tuple[beam.PCollection[Sharded], ...]
    dead_letters: beam.PCollection[DeadLetter]
    positions: beam.PCollection[StoreRange]


def _follow_topic(
    root: beam.Pipeline, chosen: options.Options, access: TopicAccess, stream: Stream
) -> _TopicStream:
    # Prism does everything in this process; Flink has workers for the steps before the writer.
    processes = chosen.processes or (0 if on_prism(chosen) else 1)
    key = access.store
    events = root | f"ReadTopic {key}" >> ReadTopic(
        access, event_reader(chosen.configuration, key), stream, processes=processes
    )
    positions = events.positions | f"Positions {key}" >> beam.WithKeys(key).with_output_types(
        StoreRange
    )
    cleaned = events.batches | f"Part {key}" >> SplitByOutcome()
    letters = (events.dead_letters, cleaned.dead_letters) | f"Letters {key}" >> beam.Flatten()
    return _TopicStream(cleaned.rows, letters, positions)
