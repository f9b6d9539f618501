"""What of store A a run reads, and where its cursors stand when it has done so."""

from datetime import datetime, timedelta
from typing import NamedTuple

from pipeline import options
from transforms.fields.time import MOSCOW
from transforms.ledger.cursors import read_cursors
from transforms.stores.mysql.client import StoreClient
from transforms.stores.mysql.cursors import Cursors, delta_start, gapless_cursors, newest_cursors
from transforms.stores.mysql.keyset import DeltaStart


class Stretch(NamedTuple):
    """What is read: since when (``None``: all of it), and how far that brings the cursors."""

    since: DeltaStart | None
    read_up_to: Cursors


def whole(chosen: options.Options) -> Stretch:
    """All of store A, or what changed since the date that the options name."""
    cursors, found = _cursors(chosen), _newest(chosen)
    if chosen.since is None:
        return Stretch(None, found)
    since = DeltaStart(chosen.since, chosen.since, chosen.since)
    return Stretch(since, gapless_cursors(cursors, found, chosen.since))


def changes(chosen: options.Options) -> Stretch:
    """What has changed since the last run, and the window before it; all when there was none."""
    cursors, found = _cursors(chosen), _newest(chosen)
    window = timedelta(minutes=chosen.store_a_window)
    return Stretch(delta_start(cursors, found, window), found)


def _cursors(chosen: options.Options) -> Cursors:
    with options.opened(chosen) as ledger, ledger.read() as connection:
        return read_cursors(connection)


def _newest(chosen: options.Options) -> Cursors:
    # Looked at before anything is read: what changes meanwhile is for the next run.
    with StoreClient(options.STORE_A, chosen.store_a_connections).session() as session:
        return newest_cursors(session, datetime.now(MOSCOW).replace(tzinfo=None, microsecond=0))
