"""The ledger's tables. Other programs read some of them: tables and columns are only added.

A change of the tables is a new ``VERSION`` and a step in ``transforms.ledger.migrations``.

Times are text, ISO 8601 in UTC, but for ``changed_at``, ``as_of`` and ``sent_at`` (microseconds
since the epoch). A ``run_seq`` numbers runs in the order in which they started.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects import mysql

VERSION = 16

metadata = MetaData()

# MySQL's plain BLOB and TEXT end at 64 KB.
_BLOB = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")
_TEXT = Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_TIME = String(32)
_SOURCE = String(16)
_KIND = String(8)
ID_WIDTH = 64
"""The most characters of a source row's id, or of a TIN, that a ledger keeps in a column."""
_ID = String(ID_WIDTH)
TITLE_WIDTH = 255
"""The most characters of a store's title that a ledger keeps."""
# A contact's key is the store's key, a dash, and the id of one of its rows.
_KEY = String(96)
_REASON = String(64)


def _table(name: str, *parts: Any, **more: Any) -> Table:
    # Keys are compared byte by byte on every database: by MySQL's default "a" is "A".
    return Table(
        name,
        metadata,
        *parts,
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
        **more,
    )


def _slim_table(name: str, *parts: Any) -> Table:
    """A table of short rows: SQLite, too, keeps them in the tree of their keys only."""
    return _table(name, *parts, sqlite_with_rowid=False)


meta = _table("meta", Column("key", _ID, primary_key=True), Column("value", String(255)))

runs = _table(
    "runs",
    Column("run_id", String(40), primary_key=True),
    Column("run_seq", Integer, nullable=False, unique=True),
    Column("command", String(64), nullable=False),
    Column("started_at", _TIME, nullable=False),
    Column("finished_at", _TIME),
    Column("status", String(16), nullable=False),
    Column("summary", _TEXT),
    # 1 once all keys that its rows touched have been rebuilt. A run that was cut off before that
    # leaves 0, and the next run finishes its work.
    Column("settled", Integer, nullable=False, default=0),
    Index("runs_by_settled", "settled", "run_seq"),
    Index("runs_by_status", "status"),
)

# The stores, as the configuration of the last run has them. State: "listed", "withdrawn" (all its
# rows are refused) or "absent" (the configuration has it no longer; its rows stay).
stores = _table(
    "stores",
    Column("key", _SOURCE, primary_key=True),
    Column("title", String(TITLE_WIDTH), nullable=False),
    Column("priority", BigInteger, nullable=False),
    Column("last_read_wins", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    # The kinds of rows without a time of change, with blanks between.
    Column("undated", String(32), nullable=False, server_default=""),
    # The store whose companies its contacts name; empty: its own.
    Column("company_store", _SOURCE, nullable=False, server_default=""),
)

# The keys that stores had before they were renamed: contacts have ids that begin with them.
former_store_keys = _slim_table("former_store_keys", Column("key", _SOURCE, primary_key=True))

progress = _table(
    "progress",
    Column("run_id", String(40), primary_key=True),
    Column("stage", String(40), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger),
    Column("started_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

# The records of a stage that several workers do, by the part of its input: an engine may do a part
# again. ``progress.done`` holds those of a stage that one worker does.
progress_parts = _slim_table(
    "progress_parts",
    Column("run_id", String(40), primary_key=True),
    Column("stage", String(40), primary_key=True),
    Column("part", _KEY, primary_key=True),
    Column("done", BigInteger, nullable=False),
)

# Remarks for people besides a run's numbers: the register's key was refused, …
remarks = _table(
    "remarks",
    Column("run_id", String(40), primary_key=True),
    Column("text", String(400), primary_key=True),
)

rows = _table(
    "rows",
    Column("source", _SOURCE, primary_key=True),
    Column("kind", _KIND, primary_key=True),
    Column("source_id", _ID, primary_key=True),
    Column("changed_at", BigInteger, nullable=False),
    Column("tie_order", BigInteger, nullable=False),
    Column("tin", _ID, nullable=False),
    Column("reason", _REASON, nullable=False),
    Column("detail", _TEXT, nullable=False),
    Column("fingerprint", String(16), nullable=False),
    Column("run_seq", Integer, nullable=False),
    Column("seen_run", Integer, nullable=False),
    Column("payload", _BLOB, nullable=False),
    Column("raw", _BLOB, nullable=False),
    # Of the original record and the rules by which it became this row: where both are the same, a
    # later load does not clean it again. 0: it always does.
    Column("digest", BigInteger, nullable=False, server_default="0"),
    Index("rows_by_tin", "tin"),
    # A delta's numbers are counted among the rows that it has seen, not among all.
    Index("rows_by_run", "seen_run"),
)

# The streams that follow the topic, numbered -1, -2, …: a stream's number is no run's. The last one
# to begin (the least number) may write. State: "reading", "ending" or "ended".
streams = _slim_table(
    "streams",
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state", String(8), nullable=False),
)

# Offsets of a topic that are done but not yet committed, because an offset before them is not.
# ``run_seq`` is the number of the run, or of the stream, that has read them. ``topic`` holds the
# key of the store whose topic it is: two stores may have topics of one name, on other brokers.
done_offsets = _slim_table(
    "done_offsets",
    Column("topic", String(255), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("stop", BigInteger, nullable=False),
    Column("run_seq", Integer, nullable=False),
)

# Deletions that do not name the kind of their row: a topic's null values.
tombstones = _table(
    "tombstones",
    Column("source", _SOURCE, primary_key=True),
    Column("source_id", _ID, primary_key=True),
    Column("changed_at", BigInteger, nullable=False),
    Column("tie_order", BigInteger, nullable=False),
    Column("raw", _BLOB, nullable=False),
)

# Which contact rows name which company row; a person of several companies has several. ``source``
# is the contact's store; whose companies these are says ``stores.company_store``.
links = _slim_table(
    "links",
    Column("source", _SOURCE, primary_key=True),
    Column("company_id", _ID, primary_key=True),
    Column("contact_id", _ID, primary_key=True),
    # With its last column it answers without the table, and planners choose no other index.
    Index("links_by_contact", "source", "contact_id", "company_id"),
)

# How far each table of a store is read: the newest ``updated_at`` (store A: Moscow time) that a run
# has read and consolidated.
cursors = _table(
    "cursors",
    Column("name", _ID, primary_key=True),
    Column("position", _TIME, nullable=False),
)

golden = _table(
    "golden",
    Column("kind", _KIND, primary_key=True),
    Column("key", _KEY, primary_key=True),
    Column("version", String(16), nullable=False),
    Column("run_seq", Integer, nullable=False),
    Column("born", Integer, nullable=False),
    Column("payload", _BLOB, nullable=False),
    Column("provenance", _BLOB, nullable=False),
)

# Records that have left the base, and the run in which they did so last. One that has come back may
# still be here.
departures = _slim_table(
    "departures",
    Column("kind", _KIND, primary_key=True),
    Column("key", _KEY, primary_key=True),
    Column("run_seq", Integer, nullable=False),
    Index("departures_by_run", "run_seq"),
)

members = _slim_table(
    "members",
    Column("kind", _KIND, primary_key=True),
    Column("source", _SOURCE, primary_key=True),
    Column("source_id", _ID, primary_key=True),
    Column("key", _KEY, nullable=False),
    Index("members_by_key", "kind", "key"),
)

# The companies of each golden contact; by it the contacts of a company are found, too.
golden_tins = _slim_table(
    "golden_tins",
    Column("tin", _ID, primary_key=True),
    Column("key", _KEY, primary_key=True),
    Index("golden_tins_by_key", "key"),
)

# Ids of contacts that were merged into another contact, which kept its id.
aliases = _slim_table(
    "aliases",
    Column("kind", _KIND, primary_key=True),
    Column("alias", _KEY, primary_key=True),
    Column("key", _KEY, nullable=False),
)


# The blocking keys of the contact rows of the base: hashes, no personal data. A key below zero is
# of the row as a whole: rows that look alike share it.
contact_keys = _slim_table(
    "contact_keys",
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    Column("source", _SOURCE, primary_key=True),
    Column("source_id", _ID, primary_key=True),
    # With its last column it answers without the table.
    Index("contact_keys_by_row", "source", "source_id", "key"),
)

# Hot keys: too many rows share them, so they tie no rows to one another.
hot_keys = _slim_table("hot_keys", Column("key", BigInteger, primary_key=True, autoincrement=False))

# Contact rows whose persons are to be matched again, by the next run if this one is cut off.
dirty_contacts = _slim_table(
    "dirty_contacts",
    Column("source", _SOURCE, primary_key=True),
    Column("source_id", _ID, primary_key=True),
)

# Contact rows that say something else than their persons do: these are to be merged again.
stale_contacts = _slim_table(
    "stale_contacts",
    Column("source", _SOURCE, primary_key=True),
    Column("source_id", _ID, primary_key=True),
)

# TINs of which a known company row has changed, by the run that noted it: their companies say
# something else than their rows do, until they are consolidated.
stale_companies = _slim_table(
    "stale_companies",
    Column("tin", _ID, primary_key=True),
    Column("run_seq", Integer, nullable=False),
)

# The weights of evidence, learned once and frozen: the greatest version counts.
models = _table(
    "models",
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("learned_at", _TIME, nullable=False),
    Column("learned_from", Integer, nullable=False),
    Column("payload", _BLOB, nullable=False),
)

# Doubtful pairs, which are not merged: contacts by a row of each ("A:17", "B:0002000456"); of
# companies a row without a TIN, and the TIN of the company that it seems to be.
doubts = _table(
    "doubts",
    Column("kind", _KIND, primary_key=True),
    Column("one", _KEY, primary_key=True),
    Column("other", _KEY, primary_key=True),
    Column("bits", Float, nullable=False),
    Column("why", String(80), nullable=False),
    Column("evidence", _TEXT, nullable=False),
    Index("doubts_by_other", "kind", "other"),
)

# People's judgements of such pairs: 1 the two are the same, 0 they are not. Kept for ever.
judgements = _slim_table(
    "judgements",
    Column("kind", _KIND, primary_key=True),
    Column("one", _KEY, primary_key=True),
    Column("other", _KEY, primary_key=True),
    Column("same", Integer, nullable=False),
    Column("said_at", _TIME, nullable=False),
    Index("judgements_by_other", "kind", "other"),
)

# The person of a contact row when that person left the base: one who comes back keeps the id.
former_persons = _slim_table(
    "former_persons",
    Column("source", _SOURCE, primary_key=True),
    Column("source_id", _ID, primary_key=True),
    Column("key", _KEY, nullable=False),
    Column("born", Integer, nullable=False),
)


def _invalid(name: str) -> Table:
    return _table(
        name,
        Column("source", _SOURCE, primary_key=True),
        Column("source_id", _ID, primary_key=True),
        Column("tin", _ID),
        Column("reason", _REASON, nullable=False),
        Column("detail", _TEXT),
        Column("record", _TEXT),
        Column("first_seen_at", _TIME, nullable=False),
        Column("last_seen_at", _TIME, nullable=False),
        Column("run_id", String(40), nullable=False),
    )


invalid_companies = _invalid("invalid_companies")
invalid_contacts = _invalid("invalid_contacts")

invalid_messages = _table(
    "invalid_messages",
    Column("topic", String(255), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("offset", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", _REASON, nullable=False),
    Column("raw", _BLOB),
    Column("seen_at", _TIME, nullable=False),
    Column("run_id", String(40), nullable=False),
)

deferred = _slim_table(
    "deferred",
    Column("kind", _KIND, primary_key=True),
    Column("source", _SOURCE, primary_key=True),
    Column("source_id", _ID, primary_key=True),
    Column("tin", _ID),
    Column("reason", _REASON, nullable=False),
    Column("since", _TIME, nullable=False),
    Index("deferred_by_tin", "tin"),
    Index("deferred_by_reason", "reason", "kind"),
)

rejected = _table(
    "rejected",
    Column("kind", _KIND, primary_key=True),
    Column("key", _KEY, primary_key=True),
    Column("reason", _REASON, nullable=False),
    Column("detail", _TEXT),
    Column("record", _TEXT),
    Column("run_id", String(40), nullable=False),
    Column("seen_at", _TIME, nullable=False),
    # The golden version that was rejected: it is not sent again until a person asks for it.
    Column("version", String(16), nullable=False),
)

crosswalk = _slim_table(
    "crosswalk",
    Column("kind", _KIND, primary_key=True),
    Column("key", _KEY, primary_key=True),
    Column("crm_id", BigInteger, nullable=False),
    # The golden version that the CRM holds in full; empty while parts of it are still to be sent.
    Column("version", String(16), nullable=False),
    Column("loaded_at", _TIME, nullable=False),
    # The run that created the item, and the run that sent some part of it last.
    Column("created_run", Integer, nullable=False),
    Column("updated_run", Integer, nullable=False),
    Index("crosswalk_by_run", "kind", "updated_run"),
)

# The loader's queue: golden records that the CRM may not hold in their newest version.
unloaded = _slim_table(
    "unloaded",
    Column("kind", _KIND, primary_key=True),
    Column("key", _KEY, primary_key=True),
)

# The fields that were sent last of each part: "item", "requisite:svod-…", "address:svod-…",
# "bank:svod-…".
sent = _table(
    "sent",
    Column("kind", _KIND, primary_key=True),
    Column("key", _KEY, primary_key=True),
    Column("part", String(80), primary_key=True),
    Column("crm_id", BigInteger, nullable=False),
    Column("payload", _BLOB, nullable=False),
)

# Values that a field of the portal cannot hold: the field stays as it is. With the run that noted
# it.
unfit_values = _table(
    "unfit_values",
    Column("kind", _KIND, primary_key=True),
    Column("key", _KEY, primary_key=True),
    Column("field", _ID, primary_key=True),
    Column("value", _TEXT, nullable=False),
    Column("problem", _REASON, nullable=False),
    Column("run_seq", Integer, nullable=False),
)

# Writes that are under way: noted before the request, removed when its outcome is known.
intents = _table(
    "intents",
    Column("kind", _KIND, primary_key=True),
    Column("key", _KEY, primary_key=True),
    Column("part", String(80), primary_key=True),
    Column("sent_at", BigInteger, nullable=False),
    Column("payload", _BLOB, nullable=False),
)

register_answers = _table(
    "register_answers",
    Column("tin", _ID, primary_key=True),
    Column("verdict", String(16), nullable=False),
    Column("origin", String(8), nullable=False),
    Column("as_of", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("run_seq", Integer, nullable=False),
    Column("payload", _BLOB, nullable=False),
    Index("register_answers_by_expiry", "expires_at"),
)

register_usage = _table(
    "register_usage",
    Column("day", String(10), primary_key=True),
    Column("asked", Integer, nullable=False),
)

# How far each bulk file is read: the member of the archive, and the document within it.
register_files = _table(
    "register_files",
    Column("file", String(255), primary_key=True),
    Column("member", Integer, nullable=False),
    Column("document", Integer, nullable=False),
    Column("done", Integer, nullable=False),
)

# Requests to the CRM by minute of the wall clock, for the report.
crm_usage = _table(
    "crm_usage",
    Column("run_id", String(40), primary_key=True),
    Column("minute", BigInteger, primary_key=True, autoincrement=False),
    Column("requests", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("waited_ms", BigInteger, nullable=False),
)

# How much of each portal's limits is used; it survives a restart.
crm_pace = _table(
    "crm_pace",
    Column("portal", String(16), primary_key=True),
    Column("state", _BLOB, nullable=False),
)
