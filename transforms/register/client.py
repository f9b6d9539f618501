"""A client of the register: many questions at once, within its limits, and with an end."""

import json
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait

from transforms.core.errors import SvodError
from transforms.register.answer import Answer, NoAnswer, Why
from transforms.register.connection import FAILURES, Connection, check_token, check_url
from transforms.register.limiter import Clock, DailyBudget, RequestSpacing, SlidingWindow
from transforms.register.party import parse_party

# The register accepts 60 new connections a minute; one less, because clocks differ.
_CONNECTIONS_A_MINUTE = 59
# How long nothing is asked after too many failures in a row, in seconds.
_REST = 300.0

_TROUBLE: dict[Why, str] = {
    "key_refused": "The register refused the key: check SVOD_REGISTER_TOKEN. "
    "Companies without an answer are deferred.",
    "quota": "The register's questions for today are used up (see --register_daily). "
    "Companies without an answer are deferred: run again tomorrow, or import its bulk files.",
    "register_down": "The register does not answer. Companies without an answer are deferred: "
    "run again when it works (see --register).",
}


class RegisterRefused(SvodError):  # noqa: N818 - named after what the register did
    """The register refuses the key before it has answered anything: no question makes sense."""


class RegisterClient:
    """Asks the register at ``url``; one client per run, because the limits hold for all of it.

    ``waits`` are the seconds before each further try of a failed question; each try counts against
    ``rate`` (a second) and ``budget`` (a day). Threads and connections are opened as they are
    needed, at most ``workers``; 24 sustain 30 questions a second up to a latency of 0.8 s. After
    ``give_up`` failures in a row nothing is asked for five minutes.

    Raises:
        ConfigurationError: when ``url`` or ``token`` cannot be used.
    """

    def __init__(
        self,
        url: str,
        token: str,
        budget: DailyBudget,
        rate: float = 30.0,
        workers: int = 24,
        timeout: float = 10.0,
        waits: tuple[float, ...] = (1.0, 2.0, 4.0),
        give_up: int = 50,
        clock: Clock = time.monotonic,
    ) -> None:
        check_url(url)
        token = check_token(token)
        self._url = url
        self._headers = {
            "Authorization": f"Token {token}",
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        self._budget = budget
        self._spacing = RequestSpacing(rate, sleep=self._sleep)
        self._connects = SlidingWindow(_CONNECTIONS_A_MINUTE, 60.0, sleep=self._sleep)
        self._workers = workers
        self._timeout = timeout
        self._waits = waits
        self._give_up = give_up
        self._clock = clock
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="register")
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._failures = 0
        self._answered = False
        self._stopped: tuple[Why, float] | None = None
        self.trouble = ""

    def ask_many(self, tins: Iterable[str]) -> Iterator[tuple[str, Answer | NoAnswer]]:
        """Each TIN with its answer, in the order in which the answers arrive.

        ``tins`` is read only as far as questions can be asked. A later failure is a ``NoAnswer``
        for the remaining TINs, and ``trouble`` describes it for a person.

        Raises:
            RegisterRefused: when the key is refused before anything was answered.
        """
        pending: set[Future[tuple[str, Answer | NoAnswer]]] = set()
        try:
            for tin in tins:
                pending.add(self._pool.submit(self._ask, tin))
                if len(pending) >= 2 * self._workers:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    yield from map(self._result, done)
            yield from map(self._result, as_completed(pending))
        finally:
            for future in pending:
                future.cancel()

    def close(self) -> None:
        """Cut waits short, let the questions under way end, close every connection."""
        self._closing.set()
        self._pool.shutdown(cancel_futures=True)
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    def _result(
        self, future: Future[tuple[str, Answer | NoAnswer]]
    ) -> tuple[str, Answer | NoAnswer]:
        tin, answer = future.result()
        if answer == NoAnswer("key_refused") and not self._answered:
            raise RegisterRefused("The register refused the key: check SVOD_REGISTER_TOKEN.")
        return tin, answer

    def _ask(self, tin: str) -> tuple[str, Answer | NoAnswer]:
        for pause in (*self._waits, None):
            answer = self._try(tin, pause)
            if answer or pause is None or self._closing.wait(pause):
                break
        return tin, answer or NoAnswer("unreachable")

    def _try(self, tin: str, pause: float | None) -> Answer | NoAnswer | None:
        """Ask once, unless nothing may be asked; ``None`` when another try makes sense."""
        if why := self._why_not():
            return NoAnswer(why)
        connection = self._connection()
        try:
            connection.open()
            self._spacing.wait()
            # Checked again after the wait, so that nothing follows the reply that stops us.
            if why := self._why_not(counting=True):
                return NoAnswer(why)
            status, reply = connection.post("/findById/party", _body(tin), self._headers)
        except FAILURES:
            self._failed()
            return None
        finally:
            self._idle.append(connection)
        return self._read(tin, status, reply, pause)

    def _why_not(self, counting: bool = False) -> Why | None:
        """Why no question may be asked now; with ``counting`` an allowed question is counted."""
        with self._lock:
            if self._stopped and self._clock() < self._stopped[1]:
                return self._stopped[0]
        if self._budget.take() if counting else self._budget.remaining:
            return None
        self.trouble = _TROUBLE["quota"]
        return "quota"

    def _read(
        self, tin: str, status: int, reply: bytes, pause: float | None
    ) -> Answer | NoAnswer | None:
        if status == 401:
            return self._stop("key_refused", float("inf"))
        if status == 403:
            self._budget.exhaust()
            self.trouble = _TROUBLE["quota"]
            return NoAnswer("quota")
        answer = _parse(tin, reply) if status == 200 else NoAnswer("nonsense")
        if isinstance(answer, Answer):
            self._answered = True
            self._failures = 0
            return answer
        self._failed()
        if status == 429 and pause:
            self._spacing.hold(pause)
        return None if status in (408, 429) or status >= 500 else answer

    def _failed(self) -> None:
        with self._lock:
            self._failures += 1
            gave_up = self._failures >= self._give_up
        if gave_up:
            self._stop("register_down", self._clock() + _REST)

    def _stop(self, why: Why, until: float) -> NoAnswer:
        """Ask nothing until that moment."""
        with self._lock:
            self._failures = 0
            if not self._stopped or self._stopped[1] < until:
                self._stopped = why, until
                self.trouble = _TROUBLE[why]
        return NoAnswer(why)

    def _connection(self) -> Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return Connection(self._url, self._timeout, self._connects)

    def _sleep(self, seconds: float) -> None:
        if self._closing.wait(seconds):
            raise ConnectionAbortedError


def _body(tin: str) -> bytes:
    return json.dumps({"query": tin, "branch_type": "MAIN", "count": 1}).encode()


def _parse(tin: str, reply: bytes) -> Answer | NoAnswer:
    try:
        payload = json.loads(reply)
    except (ValueError, RecursionError):
        return NoAnswer("nonsense")
    return parse_party(tin, payload, time.time_ns() // 1000)
