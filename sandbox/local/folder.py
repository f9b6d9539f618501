"""The folder that ``run_local.sh`` works in: who holds it, which world it has, what is stale."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sandbox.local.stores import Made, made

# Everything that a run leaves, but MariaDB's data: that is emptied by SQL.
_WORLD: Final = ("world.json", "store_b", "register.jsonl", "truth.jsonl")
_LOADED: Final = (
    *("portal.json", "portal.started", "svod.db", "svod.db-shm", "svod.db-wal"),
    *("report", "differences.txt", "kafka"),
)
# For how long the services of a run that was killed may take to end.
_PATIENCE: Final = 120.0


class FolderError(Exception):
    """The folder cannot be used now, or is somebody else's."""


@contextmanager
def held(folder: Path) -> Iterator[int]:
    """Makes the folder if need be and holds it against other runs.

    Gives the open file that holds it; whoever inherits that holds the folder too.

    Raises:
        FolderError: it is in use, or not one of ours.
    """
    mark = folder / "lock"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not mark.exists() and any(folder.iterdir()):
            raise FolderError(f"{folder} holds other things: give --folder another one")
        lock = os.open(mark, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise FolderError(f"{folder} cannot be used: {error.strerror}") from None
    try:
        _await_lock(folder, lock)
        os.truncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        yield lock
    finally:
        os.close(lock)


def _await_lock(folder: Path, lock: int) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).decode()
            # The run is gone, its services are about to be: they save what they hold.
            is_ending = holder.isdigit() and not Path(f"/proc/{holder}").exists()
            if not is_ending or time.monotonic() > deadline:
                raise FolderError(
                    f"{folder} is in use by another run (process {holder}):"
                    " end that one first, or give --folder another folder"
                ) from None
            time.sleep(0.1)
        else:
            return


def tidy(folder: Path, scale: float, seed: int, fresh: bool) -> str:
    """Throws away what does not fit this run, or what an earlier one left unfinished.

    Returns what to tell about it, if anything.
    """
    there = made(folder)
    if there and not fresh and there.same_world(Made(scale, seed)):
        if not _portal_was_lost(folder):
            return ""
        _remove(folder, _LOADED)
        return "The local Bitrix24 was killed and lost its records: the load starts anew."
    _remove(folder, _WORLD + _LOADED)
    return f"Throws away the world of scale {there.scale:g}, seed {there.seed}." if there else ""


def mark_changed(folder: Path) -> None:
    """The stores are no longer what the truth says: the next run makes a new world."""
    (folder / "world.json").unlink()


def mark_portal_started(folder: Path) -> None:
    """From now on the portal's records are newer than its file."""
    (folder / "portal.started").touch()


def _portal_was_lost(folder: Path) -> bool:
    """The portal writes its records when it ends; it may have been killed before that."""
    started, state = folder / "portal.started", folder / "portal.json"
    if not started.exists():
        return False
    return not state.exists() or state.stat().st_mtime < started.stat().st_mtime


def _remove(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
