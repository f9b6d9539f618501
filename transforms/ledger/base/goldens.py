"""Golden records and their members, written only where they have changed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy.engine import Connection

from transforms.core.golden_records import (
    GoldenCompany,
    GoldenContact,
    Provenance,
    decode_golden_company,
    encode_golden,
    version_of,
)
from transforms.core.identity import RowKey, Run
from transforms.core.records import COMPANY
from transforms.ledger import schema
from transforms.ledger.base.card_sources import SOURCE_ROWS, queue_cards, shown_sources
from transforms.ledger.statements import delete, look_up, upsert

_encode_provenance = msgspec.json.Encoder().encode


class NewGolden(msgspec.Struct, frozen=True):
    """A golden record just merged, with the source rows that it is merged from."""

    key: str
    record: GoldenCompany | GoldenContact
    provenance: Provenance
    members: list[RowKey]


class StoredGolden(msgspec.Struct, frozen=True):
    """A golden record in the ledger; ``born`` is the number of the run that made it first."""

    version: str
    provenance: bytes
    born: int


def stored_goldens(
    connection: Connection, kind: str, keys: Sequence[str]
) -> dict[str, StoredGolden]:
    """Those golden records with one of ``keys`` that the ledger holds, by key."""
    table = schema.golden.c
    columns = table.key, table.version, table.provenance, table.born
    return {
        key: StoredGolden(version, bytes(provenance), born)
        for key, version, provenance, born in look_up(
            connection, columns, table.key, keys, kind=kind
        )
    }


def golden_companies(connection: Connection, tins: Sequence[str]) -> list[GoldenCompany]:
    """Those of the companies that are in the base."""
    table = schema.golden.c
    rows = look_up(connection, (table.payload,), table.key, tins, kind=COMPANY)
    return [decode_golden_company(bytes(payload)) for (payload,) in rows]


def members_of(connection: Connection, kind: str, keys: Sequence[str]) -> dict[str, set[RowKey]]:
    """The source rows of each golden record among ``keys``."""
    table = schema.members.c
    columns = table.key, table.source, table.source_id
    members: dict[str, set[RowKey]] = defaultdict(set)
    for key, source, source_id in look_up(connection, columns, table.key, keys, kind=kind):
        members[key].add((source, source_id))
    return members


def golden_tins(connection: Connection, keys: Sequence[str]) -> dict[str, set[str]]:
    """The companies of each golden contact among ``keys``."""
    table = schema.golden_tins.c
    tins: dict[str, set[str]] = defaultdict(set)
    for key, tin in look_up(connection, (table.key, table.tin), table.key, keys):
        tins[key].add(tin)
    return tins


def contacts_in(connection: Connection, tins: Sequence[str]) -> set[str]:
    """The keys of the golden contacts of these companies."""
    table = schema.golden_tins.c
    return {key for (key,) in look_up(connection, (table.key,), table.tin, tins)}


def save_goldens(
    connection: Connection,
    run: Run,
    kind: str,
    goldens: Sequence[NewGolden],
    stored: Mapping[str, StoredGolden],
    members: Mapping[str, set[RowKey]],
) -> None:
    """Write the golden records where they differ from ``stored`` and ``members``.

    ``stored`` and ``members`` are what the ledger holds. Golden records in ``stored`` that are not
    among the new ones are removed.
    """
    _write_goldens(connection, run, kind, goldens, stored)
    _queue_cards_of_other_rows(connection, kind, goldens, members)
    removed = stored.keys() - {golden.key for golden in goldens}
    # A rejection of a removed record is of no use. Its item stays in the CRM, and in the crosswalk.
    for table in (schema.golden, schema.rejected):
        delete(connection, table.c.key, sorted(removed), kind=kind)
    upsert(
        connection,
        schema.departures,
        [{"kind": kind, "key": key, "run_seq": run.run_seq} for key in sorted(removed)],
    )
    _write_members(connection, kind, goldens, members)


def _queue_cards_of_other_rows(
    connection: Connection,
    kind: str,
    goldens: Sequence[NewGolden],
    members: Mapping[str, set[RowKey]],
) -> None:
    """Let the loader look at records whose cards name their rows, where these are not the same."""
    changed_keys = [
        golden.key for golden in goldens if members.get(golden.key) != set(golden.members)
    ]
    if changed_keys and SOURCE_ROWS in shown_sources(connection, kind):
        queue_cards(connection, kind, changed_keys)


def _write_goldens(
    connection: Connection,
    run: Run,
    kind: str,
    goldens: Sequence[NewGolden],
    stored: Mapping[str, StoredGolden],
) -> None:
    changed: list[dict[str, Any]] = []
    for golden in goldens:
        payload = encode_golden(golden.record)
        version, provenance = version_of(payload), _encode_provenance(golden.provenance)
        previous = stored.get(golden.key)
        if previous is None or (previous.version, previous.provenance) != (version, provenance):
            changed.append(
                {
                    "kind": kind,
                    "key": golden.key,
                    "version": version,
                    "run_seq": run.run_seq,
                    "born": run.run_seq if previous is None else previous.born,
                    "payload": payload,
                    "provenance": provenance,
                }
            )
    upsert(connection, schema.golden, changed)
    enqueue(connection, kind, [values["key"] for values in changed])


def enqueue(connection: Connection, kind: str, keys: Iterable[str]) -> None:
    """Let the loader look at these records: the CRM may not hold their newest version."""
    upsert(connection, schema.unloaded, [{"kind": kind, "key": key} for key in keys])


def _write_members(
    connection: Connection,
    kind: str,
    goldens: Sequence[NewGolden],
    members: Mapping[str, set[RowKey]],
) -> None:
    before = {(row, key) for key, rows in members.items() for row in rows}
    after = {(row, golden.key) for golden in goldens for row in golden.members}
    _drop_members(connection, kind, before - after)
    upsert(
        connection,
        schema.members,
        [
            {"kind": kind, "source": source, "source_id": source_id, "key": key}
            for (source, source_id), key in sorted(after - before)
        ],
    )


def _drop_members(connection: Connection, kind: str, dropped: Iterable[tuple[RowKey, str]]) -> None:
    # By key too: the row may have become a member of another record meanwhile.
    ids_by_key: dict[tuple[str, str], list[str]] = defaultdict(list)
    for (source, source_id), key in dropped:
        ids_by_key[source, key].append(source_id)
    column = schema.members.c.source_id
    for (source, key), ids in ids_by_key.items():
        delete(connection, column, ids, kind=kind, source=source, key=key)
