"""Questions to the register: one a TIN, only where no answer is remembered."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from sqlalchemy.engine import Connection

from transforms.core.identity import Run
from transforms.core.secrets import Secret
from transforms.ledger.base import answers
from transforms.ledger.database import Ledger
from transforms.ledger.rows import unfinished_work
from transforms.ledger.runs import Progress, remark
from transforms.register.answer import Answer
from transforms.register.client import RegisterClient, RegisterRefused
from transforms.register.limiter import DailyBudget

# So many answers are written at once: what a crash can lose, and is asked again.
_ANSWERS_PER_TRANSACTION = 100


class RegisterAccess(msgspec.Struct, frozen=True):
    """Where the register is and how much may be asked of it: a second, and a day."""

    url: str
    token: Secret
    rate: float
    daily: int


def unknown(ledger: Ledger, tins: list[str]) -> list[str]:
    """Those of the TINs that a valid row names and no good answer is remembered for."""
    with ledger.read() as connection:
        live = unfinished_work.live_tins(connection, tins)
        return sorted(live - answers.fresh_answers(connection, sorted(live)).keys())


def ask(ledger: Ledger, run: Run, access: RegisterAccess, tins: list[str]) -> None:
    """Put the questions and remember each answer; a TIN without one stays unknown."""
    if not tins:
        return
    progress = Progress(ledger, run, "register", total=len(tins))
    client, budget = _kept.get(access) or _open(access)
    client.trouble = ""
    with ledger.read() as connection:
        budget.catch_up(*answers.last_register_usage(connection))
    found: list[Answer] = []
    try:
        for _, answer in client.ask_many(tins):
            progress.add(1)
            if isinstance(answer, Answer):
                found.append(answer)
            if len(found) >= _ANSWERS_PER_TRANSACTION:
                _save(ledger, run, found, budget)
    except RegisterRefused as error:
        # The stores are read and remembered all the same: with the right key the next run goes on.
        remark(ledger, run, str(error))
    finally:
        if access not in _kept:
            client.close()
        _save(ledger, run, found, budget)
        progress.flush()
    if client.trouble:
        remark(ledger, run, client.trouble)


@contextmanager
def keeping_register(access: RegisterAccess) -> Iterator[None]:
    """Within it all runs of this process ask through one client: new connections are limited.

    Within another one of the same process it does nothing.
    """
    if access in _kept:
        yield
        return
    _kept[access] = client, _ = _open(access)
    try:
        yield
    finally:
        del _kept[access]
        client.close()


def _open(access: RegisterAccess) -> tuple[RegisterClient, DailyBudget]:
    budget = DailyBudget(access.daily)
    return RegisterClient(access.url, access.token.value(), budget, rate=access.rate), budget


_kept: dict[RegisterAccess, tuple[RegisterClient, DailyBudget]] = {}


def _save(ledger: Ledger, run: Run, found: list[Answer], budget: DailyBudget) -> None:
    def save(connection: Connection) -> None:
        answers.save_answers(connection, run.run_seq, found)
        answers.record_register_usage(connection, *budget.today)

    ledger.transact(save)
    found.clear()
