"""Golden records and their members: what is kept, written only where it changed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy.engine import Connection

from transforms.core.golden_records import (
    GoldenCompany,
    GoldenContact,
    Provenance,
    encode_golden,
    version_of,
)
from transforms.core.identity import RowKey, Run
from transforms.ledger import schema
from transforms.ledger.statements import delete, look_up, upsert

_encode_provenance = msgspec.json.Encoder().encode


class NewGolden(msgspec.Struct, frozen=True):
    """A golden record just made, with the source rows that it is made of."""

    key: str
    record: GoldenCompany | GoldenContact
    provenance: Provenance
    members: list[RowKey]


class StoredGolden(msgspec.Struct, frozen=True):
    """What the ledger knew of a golden record, and in which run it was born."""

    version: str
    provenance: bytes
    born: int


def stored_goldens(
    connection: Connection, kind: str, keys: Sequence[str]
) -> dict[str, StoredGolden]:
    """The known goldens among ``keys``."""
    table = schema.golden.c
    columns = table.key, table.version, table.provenance, table.born
    return {
        key: StoredGolden(version, bytes(provenance), born)
        for key, version, provenance, born in look_up(
            connection, columns, table.key, keys, kind=kind
        )
    }


def members_of(connection: Connection, kind: str, keys: Sequence[str]) -> dict[str, set[RowKey]]:
    """The source rows of each golden record among ``keys``."""
    table = schema.members.c
    columns = table.key, table.source, table.source_id
    found: dict[str, set[RowKey]] = defaultdict(set)
    for key, source, source_id in look_up(connection, columns, table.key, keys, kind=kind):
        found[key].add((source, source_id))
    return found


def golden_tins(connection: Connection, keys: Sequence[str]) -> dict[str, set[str]]:
    """The companies of each golden contact among ``keys``."""
    table = schema.golden_tins.c
    found: dict[str, set[str]] = defaultdict(set)
    for key, tin in look_up(connection, (table.key, table.tin), table.key, keys):
        found[key].add(tin)
    return found


def contacts_in(connection: Connection, tins: Sequence[str]) -> set[str]:
    """The golden contacts of these companies, as they stand now."""
    table = schema.golden_tins.c
    return {key for (key,) in look_up(connection, (table.key,), table.tin, tins)}


def save_goldens(
    connection: Connection,
    run: Run,
    kind: str,
    made: Sequence[NewGolden],
    kept: Mapping[str, StoredGolden],
    members: Mapping[str, set[RowKey]],
) -> None:
    """Write what changed: ``kept`` and ``members`` say what the ledger holds for these keys.

    Goldens in ``kept`` that were not made again are removed.
    """
    _write_goldens(connection, run, kind, made, kept)
    gone = kept.keys() - {record.key for record in made}
    # What the portal refused is nobody's wish any more; what it holds stays in the crosswalk.
    for table in (schema.golden, schema.rejected):
        delete(connection, table.c.key, sorted(gone), kind=kind)
    _write_members(connection, kind, made, members)


def _write_goldens(
    connection: Connection,
    run: Run,
    kind: str,
    made: Sequence[NewGolden],
    kept: Mapping[str, StoredGolden],
) -> None:
    changed: list[dict[str, Any]] = []
    for record in made:
        payload = encode_golden(record.record)
        version, provenance = version_of(payload), _encode_provenance(record.provenance)
        known = kept.get(record.key)
        if known is None or (known.version, known.provenance) != (version, provenance):
            changed.append(
                {
                    "kind": kind,
                    "key": record.key,
                    "version": version,
                    "run_seq": run.run_seq,
                    "born": run.run_seq if known is None else known.born,
                    "payload": payload,
                    "provenance": provenance,
                }
            )
    upsert(connection, schema.golden, changed)
    enqueue(connection, kind, [values["key"] for values in changed])


def enqueue(connection: Connection, kind: str, keys: Iterable[str]) -> None:
    """The CRM may not hold these records as they stand now: the loader is to look at them."""
    upsert(connection, schema.unloaded, [{"kind": kind, "key": key} for key in keys])


def _write_members(
    connection: Connection, kind: str, made: Sequence[NewGolden], members: Mapping[str, set[RowKey]]
) -> None:
    before = {(row, key) for key, rows in members.items() for row in rows}
    after = {(row, record.key) for record in made for row in record.members}
    _drop_members(connection, kind, before - after)
    upsert(
        connection,
        schema.members,
        [
            {"kind": kind, "source": source, "source_id": source_id, "key": key}
            for (source, source_id), key in sorted(after - before)
        ],
    )


def _drop_members(connection: Connection, kind: str, gone: Iterable[tuple[RowKey, str]]) -> None:
    # By key too: the row may have become a member of another record meanwhile.
    by_key: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (source, source_id), key in gone:
        by_key[source, key].append(source_id)
    column = schema.members.c.source_id
    for (source, key), ids in by_key.items():
        delete(connection, column, ids, kind=kind, source=source, key=key)
