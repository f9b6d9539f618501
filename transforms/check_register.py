"""Asking the register: one question a TIN, only where nothing is remembered."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import apache_beam as beam
import msgspec
from sqlalchemy.engine import Connection

from transforms.ledger import answers, source_rows
from transforms.ledger.database import Ledger, chunks
from transforms.ledger.runs import Progress, remark
from transforms.ledger.source_rows import Run
from transforms.register.answer import Answer
from transforms.register.client import RegisterClient, RegisterRefused
from transforms.register.limiter import DailyBudget
from transforms.secrets import Secret
from transforms.worker import LedgerFn

# So many answers are written at once: what a crash can lose, and is asked again.
_ANSWERS_PER_TRANSACTION = 100


class RegisterAccess(msgspec.Struct, frozen=True):
    """Where the register is and how much may be asked of it: a second, and a day."""

    url: str
    token: Secret
    rate: float
    daily: int


class CheckRegister(beam.PTransform):
    """Lists of TINs (each TIN in one of them) pass when what the register says is remembered.

    One worker asks for the whole run: the rate is counted for an address, not for a worker.
    """

    def __init__(self, ledger: Secret, run: Run, access: RegisterAccess) -> None:
        super().__init__()
        self._ledger, self._run, self._access = ledger, run, access

    def expand(self, tins: beam.PCollection[list[str]]) -> beam.PCollection[list[str]]:
        """The same TINs, in lists of some hundred."""
        return (
            tins
            | "OnOneWorker" >> beam.WithKeys(0).with_output_types(tuple[int, list[str]])
            | "Gather" >> beam.GroupByKey()
            | "Ask"
            >> beam.ParDo(_AskFn(self._ledger, self._run, self._access)).with_output_types(
                list[str]
            )
            | "Spread" >> beam.Reshuffle()
        )


class _AskFn(LedgerFn):
    def __init__(self, ledger: Secret, run: Run, access: RegisterAccess) -> None:
        super().__init__(ledger, run)
        self._access = access

    def process(self, element: tuple[int, Iterable[list[str]]]) -> Iterator[list[str]]:
        _, lists = element
        every = sorted(tin for tins in lists for tin in tins)
        ask(self.ledger, self.run, self._access, unknown(self.ledger, every))
        Progress(self.ledger, self.run, "companies", total=len(every)).flush()
        yield from map(list, chunks(every))


def unknown(ledger: Ledger, tins: list[str]) -> list[str]:
    """Those of the TINs that a valid row names and no good answer is remembered for."""
    with ledger.read() as connection:
        live = source_rows.live_tins(connection, tins)
        return sorted(live - answers.fresh_answers(connection, sorted(live)).keys())


def ask(ledger: Ledger, run: Run, access: RegisterAccess, tins: list[str]) -> None:
    """Put the questions and remember each answer; a TIN without one stays unknown."""
    if not tins:
        return
    progress = Progress(ledger, run, "register", total=len(tins))
    client, budget = _kept.get(access) or _open(access)
    client.trouble = ""
    with ledger.read() as connection:
        budget.catch_up(*answers.asked_last(connection))
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
        answers.record_asked(connection, *budget.today)

    ledger.transact(save)
    found.clear()
