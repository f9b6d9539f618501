"""Asking a register that runs in a thread, with all that it may do wrong."""

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

import pytest

from sandbox.register import server as sandbox
from transforms.core.errors import ConfigurationError
from transforms.register.answer import Answer, NoAnswer
from transforms.register.client import RegisterClient, RegisterRefused
from transforms.register.limiter import DailyBudget, RequestSpacing, SlidingWindow

KEY = "0123456789abcdef-secret"
TINS = [f"{number:010d}" for number in range(7_700_000_000, 7_700_000_400)]

Reply = tuple[int, bytes] | str
Script = Callable[[int, str], Reply]


def found(tin: str, status: str = "ACTIVE") -> Reply:
    data = {"inn": tin, "branch_type": "MAIN", "state": {"status": status}}
    return 200, json.dumps({"suggestions": [{"data": data}]}).encode()


def failed(status: int) -> Reply:
    reply = {"family": "CLIENT_ERROR", "reason": "Forbidden", "message": f"bad key {KEY}"}
    return status, json.dumps(reply).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "Register"

    def setup(self) -> None:
        super().setup()
        with self.server.lock:
            self.server.connections += 1

    def do_POST(self) -> None:
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.asked.append((self.path, self.headers["Authorization"], query))
            number = next(self.server.numbers)
        reply = self.server.script(number, query["query"])
        if reply == "drop":
            self.close_connection = True
        elif reply == "hang":
            self.server.ended.wait(10)
            self.close_connection = True
        elif isinstance(reply, str):
            self.wfile.write(reply.encode())
            self.close_connection = True
        else:
            self.send_response(reply[0])
            self.send_header("Content-Length", str(len(reply[1])))
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(reply[1])

    def log_message(self, *args: object) -> None:
        pass


class Register(ThreadingHTTPServer):
    """A register that answers by ``script(number of the question, TIN)``."""

    daemon_threads = False
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: Script = lambda number, tin: found(tin)
        self.numbers = count()
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.asked: list[tuple[str, str, Any]] = []
        self.connections = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/rs"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is part of the tests."""


@pytest.fixture
def register() -> Iterator[Register]:
    with Register() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.ended.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def connect(register: Register) -> Iterator[Callable[..., RegisterClient]]:
    clients: list[RegisterClient] = []

    def build(**options: Any) -> RegisterClient:
        options = {"rate": 1000, "waits": (0.01, 0.02), "timeout": 5.0} | options
        budget = options.pop("budget", None) or DailyBudget(10_000)
        clients.append(RegisterClient(register.url, KEY, budget, **options))
        return clients[-1]

    yield build
    # Before the server: it waits until its connections are closed.
    register.ended.set()
    for client in clients:
        client.close()


Connect = Callable[..., RegisterClient]


def verdicts(answers: Iterable[tuple[str, Answer | NoAnswer]]) -> dict[str, int]:
    """The number of TINs by verdict, or by the reason why there is none."""
    return Counter(
        answer.verdict if isinstance(answer, Answer) else answer.reason for _, answer in answers
    )


def test_each_question_is_asked_once_in_the_contracts_words(register: Register, connect: Connect):
    budget = DailyBudget(10_000)
    answers = dict(connect(budget=budget).ask_many(TINS[:50]))
    assert sorted(answers) == TINS[:50]
    assert verdicts(answers.items()) == {"active": 50}
    assert sorted(register.asked, key=lambda question: question[2]["query"]) == [
        (
            "/rs/findById/party",
            f"Token {KEY}",
            {"query": tin, "branch_type": "MAIN", "count": 1},
        )
        for tin in TINS[:50]
    ]
    assert budget.today[1] == 50


def test_the_sandboxes_register_is_understood():
    suggestions = [{"data": {"inn": tin, "state": {"status": "ACTIVE"}}} for tin in TINS[:15]]
    with sandbox.Register(suggestions, rate=10_000) as server:
        server.set_faults([sandbox.Fault(kind, 2) for kind in ("html", "busy", "drop", "garbage")])
        client = RegisterClient(
            server.url, server.token, DailyBudget(100), rate=1000, workers=1, waits=(0.01,) * 9
        )
        # Of what fails only cut JSON is not asked for again.
        answers = verdicts(client.ask_many(TINS[:20]))
        client.close()
    assert answers == {"active": 13, "not_in_register": 5, "nonsense": 2}


def test_connections_are_kept(register: Register, connect: Connect):
    client = connect(workers=4)
    for start in range(0, 200, 50):
        assert len(dict(client.ask_many(TINS[start : start + 50]))) == 50
    assert register.connections <= 4


def test_every_try_takes_its_turn_and_every_connection_too(
    register: Register, connect: Connect, monkeypatch: pytest.MonkeyPatch
):
    turns: list[str] = []
    monkeypatch.setattr(RequestSpacing, "wait", lambda self: turns.append("question"))
    monkeypatch.setattr(SlidingWindow, "wait", lambda self: turns.append("connection"))
    register.script = lambda number, tin: "drop" if number % 10 == 0 else found(tin)
    assert verdicts(connect(workers=3).ask_many(TINS[:45])) == {"active": 45}
    assert turns.count("question") == len(register.asked) == 50
    assert turns.count("connection") == register.connections


def test_a_server_that_wants_new_connections_gets_them(
    register: Register, connect: Connect, monkeypatch: pytest.MonkeyPatch
):
    turns: list[str] = []
    monkeypatch.setattr(SlidingWindow, "wait", lambda self: turns.append("connection"))
    monkeypatch.setattr(Handler, "protocol_version", "HTTP/1.0")
    assert verdicts(connect(workers=1).ask_many(TINS[:20])) == {"active": 20}
    assert (len(turns), register.connections) == (1, 20)


def test_tins_are_read_only_as_far_as_they_can_be_asked(register: Register, connect: Connect):
    taken = []

    def tins() -> Iterator[str]:
        for tin in TINS:
            taken.append(tin)
            yield tin

    answers = connect(workers=3).ask_many(tins())
    next(answers)
    assert len(taken) <= 6
    answers.close()  # type: ignore[attr-defined]
    assert len(register.asked) <= 6


@pytest.mark.parametrize(
    "failure", [failed(429), failed(500), failed(503), "drop", "HTTP/", "junk\r\n"]
)
def test_a_passing_failure_is_asked_again(register: Register, connect: Connect, failure: Reply):
    register.script = lambda number, tin: failure if number in (0, 1) else found(tin)
    budget = DailyBudget(10_000)
    client = connect(workers=1, budget=budget)
    assert verdicts(client.ask_many(TINS[:2])) == {"active": 2}
    assert (len(register.asked), budget.today[1], client.trouble) == (4, 4, "")


@pytest.mark.parametrize("failure", [failed(429), failed(502), "drop"])
def test_a_lasting_failure_is_no_answer(register: Register, connect: Connect, failure: Reply):
    register.script = lambda number, tin: failure if tin == TINS[0] else found(tin)
    assert dict(connect().ask_many(TINS[:1])) == {TINS[0]: NoAnswer("unreachable")}
    assert len(register.asked) == 3


def test_a_register_that_hangs_is_no_answer(register: Register, connect: Connect):
    register.script = lambda number, tin: "hang"
    client = connect(timeout=0.05, waits=(0.01,))
    assert dict(client.ask_many(TINS[:1])) == {TINS[0]: NoAnswer("unreachable")}
    assert len(register.asked) == 2


@pytest.mark.parametrize(
    "reply",
    [
        (200, b""),
        (200, b"<html>Please sign in</html>"),
        (200, b"\xff\xfe\x00"),
        (200, b'{"suggestions": ['),
        (200, b"[" * 100_000),
        (200, b'{"suggestions": [' + b"1," * 1_000_000 + b"1]}"),
        (200, b"{}"),
        (204, b""),
        (302, b""),
        (400, b'{"suggestions": []}'),
        (404, b'{"suggestions": []}'),
        found("7707083893"),
        found(TINS[0], "SLEEPING"),
    ],
)
def test_garbage_is_no_answer(register: Register, connect: Connect, reply: Reply):
    register.script = lambda number, tin: reply if number == 0 else found(tin)
    answers = dict(connect(workers=1).ask_many(TINS[:2]))
    assert answers[TINS[0]] == NoAnswer("nonsense")
    assert isinstance(answers[TINS[1]], Answer)
    assert len(register.asked) == 2


def test_not_found_is_an_answer(register: Register, connect: Connect):
    register.script = lambda number, tin: (200, b'{"suggestions": []}')
    assert verdicts(connect().ask_many(TINS[:3])) == {"not_in_register": 3}


def test_a_bad_key_stops_the_run_at_once(register: Register, connect: Connect):
    register.script = lambda number, tin: failed(401)
    with pytest.raises(RegisterRefused) as refused:
        dict(connect(workers=2).ask_many(TINS))
    assert "SVOD_REGISTER_TOKEN" in str(refused.value)
    assert KEY not in repr(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None
    assert len(register.asked) <= 2


def test_a_key_that_is_withdrawn_defers_the_rest(register: Register, connect: Connect):
    register.script = lambda number, tin: found(tin) if number < 10 else failed(401)
    client = connect(workers=1)
    assert verdicts(client.ask_many(TINS)) == {"active": 10, "key_refused": 390}
    assert len(register.asked) == 11
    assert "SVOD_REGISTER_TOKEN" in client.trouble
    assert KEY not in client.trouble


def test_a_quota_that_is_gone_stops_the_questions(register: Register, connect: Connect):
    register.script = lambda number, tin: found(tin) if number < 10 else failed(403)
    client = connect(workers=1)
    assert verdicts(client.ask_many(TINS)) == {"active": 10, "quota": 390}
    assert len(register.asked) == 11
    assert "--register_daily" in client.trouble


def test_the_daily_budget_is_kept(register: Register, connect: Connect):
    budget = DailyBudget(7)
    client = connect(budget=budget)
    assert verdicts(client.ask_many(TINS[:20])) == {"active": 7, "quota": 13}
    assert (len(register.asked), budget.today[1]) == (7, 7)


def test_a_dead_register_is_left_alone_for_a_while(register: Register, connect: Connect):
    now = [0.0]
    register.script = lambda number, tin: failed(500) if number < 9 else found(tin)
    client = connect(workers=1, give_up=9, clock=lambda: now[0])
    assert verdicts(client.ask_many(TINS)) == {"unreachable": 3, "register_down": 397}
    assert len(register.asked) == 9
    assert "--register" in client.trouble
    now[0] = 300.0
    assert verdicts(client.ask_many(TINS[:5])) == {"active": 5}


def test_failures_between_answers_do_not_stop_the_questions(register: Register, connect: Connect):
    register.script = lambda number, tin: found(tin) if number % 3 == 2 else failed(500)
    client = connect(workers=1, give_up=3)
    assert verdicts(client.ask_many(TINS[:20])) == {"active": 20}
    assert client.trouble == ""


def test_nobody_listens(register: Register):
    with Register() as gone:
        url = gone.url
    client = RegisterClient(url, KEY, DailyBudget(10), workers=1, waits=(), give_up=3)
    assert verdicts(client.ask_many(TINS[:30])) == {"unreachable": 3, "register_down": 27}
    client.close()


def test_closing_ends_the_waits(register: Register, connect: Connect):
    client = connect(waits=(3600.0,), workers=2)
    answers = client.ask_many(TINS[:1])
    register.script = lambda number, tin: (closing.start(), failed(429))[1]
    closing = threading.Thread(target=client.close)
    assert list(answers) == [(TINS[0], NoAnswer("unreachable"))]
    closing.join()


def test_the_key_is_in_no_log(
    register: Register, connect: Connect, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    replies = [failed(500), "drop", "junk\r\n", failed(400), failed(401)]
    register.script = lambda number, tin: replies[number % len(replies)]
    client = connect(workers=1)
    with pytest.raises(RegisterRefused):
        dict(client.ask_many(TINS[:20]))
    assert KEY not in caplog.text
    assert KEY not in repr(client)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "register",
        "https://",
        "https://:443/rs",
        "https://host:port",
        "https://me:secret@host",
        "https://host/rs?token=secret",
        "https://host/r s",
        "https://host/\r\nX: y",
        "http://[::1",
        "ftp://127.0.0.1",
        "http://register.example",
        "http://127.0.0.1.example",
        "http://10.0.0.1",
    ],
)
def test_a_bad_url_is_a_wrong_option(url: str):
    with pytest.raises(ConfigurationError, match="--register") as wrong:
        RegisterClient(url, KEY, DailyBudget(1))
    assert "secret" not in str(wrong.value)


@pytest.mark.parametrize(
    "url", ["https://host/rs", "http://localhost:1", "http://127.0.0.2:1/", "http://[::1]:1"]
)
def test_the_key_may_go_to_this_machine_or_over_tls(url: str):
    RegisterClient(url, KEY, DailyBudget(1)).close()


@pytest.mark.parametrize("token", ["", " \n", "секретный", "secret\r\nX: y"])
def test_a_bad_key_is_a_wrong_option(token: str):
    with pytest.raises(ConfigurationError, match="SVOD_REGISTER_TOKEN") as wrong:
        RegisterClient("https://host", token, DailyBudget(1))
    assert "secret" not in str(wrong.value)


def test_a_line_end_after_the_key_is_none_of_it(register: Register):
    client = RegisterClient(register.url, KEY + "\n", DailyBudget(1))
    assert verdicts(client.ask_many(TINS[:1])) == {"active": 1}
    client.close()
    assert register.asked[0][1] == f"Token {KEY}"
