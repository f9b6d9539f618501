"""The stretch of store A that a run reads, and the cursors after it."""

from contextlib import closing
from datetime import datetime, timedelta
from typing import NamedTuple

from pipeline import options
from transforms.fields.time import MOSCOW
from transforms.ledger.cursors import read_cursors
from transforms.ledger.database import open_ledger
from transforms.stores.mysql.client import StoreClient
from transforms.stores.mysql.cursors import Cursors, delta_start, gapless_cursors, newest_cursors
from transforms.stores.mysql.keyset import DeltaStart


class Stretch(NamedTuple):
    """The start of reading (``None``: all is read), and the cursors after the run."""

    since: DeltaStart | None
    read_up_to: Cursors


def full_stretch(chosen: options.Options) -> Stretch:
    """Returns the whole of store A, or what changed since the date that the options name."""
    cursors, newest = _cursors(chosen), _newest(chosen)
    if chosen.since is None:
        return Stretch(None, newest)
    since = DeltaStart(chosen.since, chosen.since, chosen.since)
    return Stretch(since, gapless_cursors(cursors, newest, chosen.since))


def delta_stretch(chosen: options.Options) -> Stretch:
    """Returns what changed since a window before the last run, or all if there was none."""
    cursors, newest = _cursors(chosen), _newest(chosen)
    window = timedelta(minutes=chosen.store_a_window)
    return Stretch(delta_start(cursors, newest, window), newest)


def _cursors(chosen: options.Options) -> Cursors:
    with closing(open_ledger(chosen.ledger)) as ledger, ledger.read() as connection:
        return read_cursors(connection)


def _newest(chosen: options.Options) -> Cursors:
    # Taken before anything is read: what changes meanwhile is for the next run.
    with StoreClient(options.STORE_A, chosen.store_a_connections).session() as session:
        return newest_cursors(session, datetime.now(MOSCOW).replace(tzinfo=None, microsecond=0))
