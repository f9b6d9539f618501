"""Questions to the register: one a TIN, only where no fresh answer is known."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from sqlalchemy.engine import Connection

from transforms.core.identity import Run
from transforms.core.secrets import Secret
from transforms.ledger.base import answers
from transforms.ledger.database import Ledger
from transforms.ledger.progress import Progress
from transforms.ledger.rows import unfinished_work
from transforms.ledger.runs import remark
from transforms.register.answer import Answer
from transforms.register.client import RegisterClient, RegisterRefused
from transforms.register.limiter import DailyBudget

# A crash loses the answers that are not saved yet, and their questions are asked again.
_ANSWERS_PER_TRANSACTION = 100


class RegisterAccess(msgspec.Struct, frozen=True):
    """Where the register is and how much it may be asked: questions a second, and a day."""

    url: str
    token: Secret
    rate: float
    daily: int


def unanswered_tins(ledger: Ledger, tins: list[str]) -> list[str]:
    """Those of the TINs that a valid row names and that have no fresh answer."""
    with ledger.read() as connection:
        live = unfinished_work.live_tins(connection, tins)
        return sorted(live - answers.fresh_answers(connection, sorted(live)).keys())


class RegisterSession:
    """A client of the register and the day's budget, for the runs of one process."""

    def __init__(self, access: RegisterAccess) -> None:
        self._budget = DailyBudget(access.daily)
        self._client = RegisterClient(
            access.url, access.token.value(), self._budget, rate=access.rate
        )

    def ask(self, ledger: Ledger, run: Run, tins: list[str]) -> None:
        """Ask about each TIN and save the answers. A TIN without one stays unanswered.

        What hinders the register from answering becomes a remark of the run.
        """
        progress = Progress(ledger, run, "register", total=len(tins))
        self._client.trouble = ""
        with ledger.read() as connection:
            self._budget.catch_up(*answers.last_register_usage(connection))
        unsaved: list[Answer] = []
        try:
            for _, answer in self._client.ask_many(tins):
                progress.add(1)
                if isinstance(answer, Answer):
                    unsaved.append(answer)
                if len(unsaved) >= _ANSWERS_PER_TRANSACTION:
                    self._save(ledger, run, unsaved)
        except RegisterRefused as error:
            # The stores are read and remembered all the same: the next run, with the right key,
            # asks again.
            remark(ledger, run, str(error))
        finally:
            self._save(ledger, run, unsaved)
            progress.flush()
        if self._client.trouble:
            remark(ledger, run, self._client.trouble)

    def _save(self, ledger: Ledger, run: Run, unsaved: list[Answer]) -> None:
        def save(connection: Connection) -> None:
            answers.save_answers(connection, run.run_seq, unsaved)
            answers.record_register_usage(connection, *self._budget.today)

        ledger.transact(save)
        unsaved.clear()

    def close(self) -> None:
        """Close the client's connections."""
        self._client.close()


class _SharedSession(msgspec.Struct):
    session: RegisterSession
    users: int = 0


_sessions: dict[RegisterAccess, _SharedSession] = {}
_sessions_lock = threading.Lock()


@contextmanager
def shared_session(access: RegisterAccess) -> Iterator[RegisterSession]:
    """The process's session at this access: its first user opens it, its last one closes it.

    A step of an engine cannot be handed an open client, and the register limits new connections.
    So a program of many runs enters this once around all of them, and its steps share the session.
    """
    with _sessions_lock:
        shared = _sessions.get(access) or _SharedSession(RegisterSession(access))
        _sessions[access] = shared
        shared.users += 1
    try:
        yield shared.session
    finally:
        with _sessions_lock:
            shared.users -= 1
            if not shared.users:
                del _sessions[access]
                shared.session.close()
