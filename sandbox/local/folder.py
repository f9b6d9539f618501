"""The working folder of ``run_local.sh``: its lock, and the removal of stale files."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sandbox.local.stores import StoredWorld, read_stored_world

# The files of a run, except MariaDB's data: SQL empties that.
_WORLD: Final = (
    *("world.json", "store_b", "books", "svod.toml"),
    *("register.jsonl", "truth.jsonl"),
)
_LOADED: Final = (
    *("portal.json", "portal.started", "svod.db", "svod.db-shm", "svod.db-wal"),
    *("report", "differences.txt", "kafka"),
)
# Seconds that the services of a killed run may take to end.
_PATIENCE: Final = 120.0


class FolderError(Exception):
    """The folder is in use, holds other files, or is not accessible."""


@contextmanager
def lock_folder(folder: Path) -> Iterator[int]:
    """Makes the folder if it is missing, and locks it against other runs.

    Yields the open lock file; a process that inherits it keeps the lock too.

    Raises:
        FolderError: the folder is in use, holds other files, or is not accessible.
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
            # The run has ended and its services are ending: they are saving their state.
            is_ending = holder.isdigit() and not Path(f"/proc/{holder}").exists()
            if not is_ending or time.monotonic() > deadline:
                raise FolderError(
                    f"{folder} is in use by another run (process {holder}):"
                    " end that one first, or give --folder another folder"
                ) from None
            time.sleep(0.1)
        else:
            return


def tidy(folder: Path, world: StoredWorld, fresh: bool) -> str:
    """Removes files that do not belong to this run or that an earlier run left incomplete.

    Returns a message about it, or "".
    """
    stored = read_stored_world(folder)
    if stored and not fresh and stored.is_same(world):
        if not _portal_was_lost(folder):
            return ""
        _remove(folder, _LOADED)
        return "The local Bitrix24 was killed and lost its records: the load starts anew."
    _remove(folder, _WORLD + _LOADED)
    return f"Throws away the world of scale {stored.scale:g}, seed {stored.seed}." if stored else ""


def mark_changed(folder: Path) -> None:
    """Marks that the stores differ from the truth file: the next run makes a new world."""
    (folder / "world.json").unlink()


def mark_portal_started(folder: Path) -> None:
    """Marks that the portal's records are newer than its state file."""
    (folder / "portal.started").touch()


def _portal_was_lost(folder: Path) -> bool:
    """Whether the portal was killed before it wrote its records, which it does at its end."""
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
