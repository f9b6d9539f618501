"""The client against a server with scripted answers, and against no server at all."""

import json
import logging
import socket
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any

import pytest
from requests.adapters import HTTPAdapter

from transforms.core.errors import ConfigurationError
from transforms.crm.api.client import CrmClient, check_webhook
from transforms.crm.errors import (
    CrmError,
    CrmUnavailable,
    PortalMoved,
    Refused,
    Stop,
    Throttled,
    UnknownOutcome,
)
from transforms.crm.limits.request_rate import Limits, MethodBudget

CODE = "s3cr3tc0de"
HTML = b"<html><body>502 Bad Gateway</body></html>"
DROP = None


class Clock:
    """A clock that passes only when a caller sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.sleeps.append(seconds)


class Answers:
    """Gives the answers one after the other, the last for ever; keeps what was asked."""

    def __init__(self) -> None:
        self.script: list[tuple[int, Any] | None] = []
        self.headers = b""
        self.asked: list[tuple[str, Any]] = []
        self.connections: set[Any] = set()

    def say(self, *script: tuple[int, Any] | None) -> None:
        self.script = list(script)

    def next(self) -> tuple[int, Any] | None:
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


class Server(ThreadingTCPServer):
    """Serves ``answers`` inside ``with``. (An ``HTTPServer`` would ask the DNS for its name.)"""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answers = Answers()
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.01,)).start()

    def handle_error(self, *_: Any) -> None:
        """A client that gave up is no news."""

    def __exit__(self, *error: Any) -> None:
        self.shutdown()
        super().__exit__(*error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        answers: Answers = self.server.answers  # type: ignore[attr-defined]
        params = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answers.asked.append((self.path, params))
        answers.connections.add(self.client_address)
        answer = answers.next()
        if answer is DROP:
            self.close_connection = True
            return
        status, body = answer
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\n".encode() + answers.headers
        self.wfile.write(head + b"\r\n" + body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture
def answers(server: Server) -> Answers:
    return server.answers


@pytest.fixture
def client(server: Server, clock: Clock) -> Iterator[CrmClient]:
    with client_at(server.port, clock) as client:
        yield client


def client_at(port: int, clock: Clock, **settings: Any) -> CrmClient:
    limits = Limits(clock=clock, sleep=clock.sleep)
    url = f"http://127.0.0.1:{port}/rest/1/{CODE}/"
    return CrmClient(url, limits, clock=clock, sleep=clock.sleep, **settings)


def error(code: Any, description: str = "why") -> dict[str, Any]:
    return {"error": code, "error_description": description}


def batch_body(results: Any, errors: Any = (), times: Any = ()) -> tuple[int, Any]:
    outcome = {"result": results, "result_error": errors or [], "result_time": times or []}
    return 200, {"result": outcome}


class TestCall:
    def test_sends_json_and_gives_the_whole_answer(
        self, client: CrmClient, answers: Answers
    ) -> None:
        answers.say((200, {"result": [1], "next": 50}))
        answer = client.call("crm.requisite.list", {"filter": {"ID": "Ы"}}, writes=False)
        assert answer == {"result": [1], "next": 50}
        assert answers.asked == [(f"/rest/1/{CODE}/crm.requisite.list", {"filter": {"ID": "Ы"}})]

    def test_keeps_the_connection(self, client: CrmClient, answers: Answers) -> None:
        answers.headers = b"Set-Cookie: PHPSESSID=1; path=/\r\n"
        answers.say((200, {"result": 1}))
        for _ in range(5):
            client.call("profile", {}, writes=False)
        assert len(answers.connections) == 1

    def test_a_lone_surrogate_does_not_break_the_json(
        self, client: CrmClient, answers: Answers
    ) -> None:
        answers.say((200, {"result": 1}))
        client.call("m", {"title": "\ud800!"}, writes=True)
        assert answers.asked[0][1] == {"title": "?!"}

    @pytest.mark.parametrize("writes", [True, False])
    @pytest.mark.parametrize(
        ("status", "code", "kind"),
        [
            (401, "NO_AUTH_FOUND", Stop),
            (401, "expired_token", Stop),
            (401, "invalid_token", Stop),
            (403, "insufficient_scope", Stop),
            (403, "ACCESS_DENIED", Stop),
            (403, "INVALID_CREDENTIALS", Stop),
            (401, "INVALID_CREDENTIALS", Stop),
            (503, "OVERLOAD_LIMIT", Stop),
            (400, "CRM_FIELD_ERROR_VALUE_NOT_VALID", Refused),
            (400, "ACCESS_DENIED", Refused),
            (400, "", Refused),
            (400, 0, Refused),
            (200, "", Refused),
            (200, 0, Refused),
            (404, "ERROR_METHOD_NOT_FOUND", Refused),
        ],
    )
    def test_an_error_that_says_that_nothing_happened(
        self,
        client: CrmClient,
        answers: Answers,
        status: int,
        code: Any,
        kind: type[CrmError],
        writes: bool,
    ) -> None:
        answers.say((status, error(code)))
        with pytest.raises(CrmError) as caught:
            client.call("crm.item.add", {}, writes=writes)
        assert type(caught.value) is kind
        assert (caught.value.code, caught.value.description) == (str(code), "why")
        assert caught.value.fatal is (kind is Stop)
        assert len(answers.asked) == 1

    UNKNOWN = (
        (502, HTML),
        (504, b""),
        (200, HTML),
        (403, HTML),
        (503, HTML),
        (200, b'{"result": 1'),
        (200, b"[1]"),
        (200, {"time": {}}),
        (500, error("INTERNAL_SERVER_ERROR")),
        (503, error("SOMETHING")),
        DROP,
    )

    @pytest.mark.parametrize("answer", UNKNOWN)
    def test_a_write_without_an_answer_is_not_sent_again(
        self, client: CrmClient, answers: Answers, answer: Any
    ) -> None:
        answers.say(answer)
        with pytest.raises(UnknownOutcome):
            client.call("crm.item.add", {}, writes=True)
        assert len(answers.asked) == 1

    @pytest.mark.parametrize("answer", UNKNOWN)
    def test_a_read_without_an_answer_is_asked_again(
        self, client: CrmClient, answers: Answers, clock: Clock, answer: Any
    ) -> None:
        answers.say(answer, answer, (200, {"result": 7}))
        assert client.call("crm.item.get", {}, writes=False)["result"] == 7
        assert clock.sleeps == [1, 2]

    def test_a_read_that_never_has_an_answer(
        self, client: CrmClient, answers: Answers, clock: Clock
    ) -> None:
        answers.say((502, HTML))
        with pytest.raises(CrmUnavailable, match=r"crm\.item\.get: HTTP 502 without JSON"):
            client.call("crm.item.get", {}, writes=False)
        assert clock.sleeps == [1, 2, 4, 8, 15, 30, 60]
        assert len(answers.asked) == 8

    def test_a_late_answer_is_none(self, server: Server, clock: Clock) -> None:
        given_up = threading.Event()
        server.answers.next = lambda: given_up.wait(5) or DROP  # type: ignore[assignment]
        with (
            client_at(server.port, clock, timeout=(5, 0.02)) as client,
            pytest.raises(UnknownOutcome, match="no answer in time"),
        ):
            client.call("crm.item.add", {}, writes=True)
        given_up.set()

    def test_a_request_may_take_as_long_as_the_portal_lets_it(
        self, server: Server, answers: Answers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        headers: list[Any] = []
        send = HTTPAdapter.send

        def watched(adapter: HTTPAdapter, *arguments: Any, **options: Any) -> Any:
            headers.append(options["timeout"])
            return send(adapter, *arguments, **options)

        monkeypatch.setattr(HTTPAdapter, "send", watched)
        answers.say((200, {"result": 7}))
        with CrmClient(f"http://127.0.0.1:{server.port}/rest/1/{CODE}/", Limits()) as client:
            client.call("crm.item.get", {}, writes=False)
        ((connecting, reading),) = headers
        assert connecting <= 15
        assert 70 <= reading <= 120

    @pytest.mark.parametrize(
        ("status", "code"), [(503, "QUERY_LIMIT_EXCEEDED"), (429, "OPERATION_TIME_LIMIT")]
    )
    def test_over_a_limit_is_waited_out(
        self, client: CrmClient, answers: Answers, clock: Clock, status: int, code: str
    ) -> None:
        answers.say((status, error(code)), (status, error(code)), (200, {"result": 7}))
        assert client.call("crm.item.add", {}, writes=True)["result"] == 7
        statistics = client.limits.statistics
        assert (statistics.requests, statistics.refused) == (3, 2)
        assert statistics.seconds_waited == pytest.approx(sum(clock.sleeps))
        if status == 429:
            assert clock.now == pytest.approx(120)
        else:  # a full bucket, which drains slower for us: somebody else is using it
            assert 3.5 < clock.now < 6

    def test_over_a_limit_for_ever(self, client: CrmClient, answers: Answers) -> None:
        answers.say((503, error("QUERY_LIMIT_EXCEEDED")))
        with pytest.raises(CrmUnavailable, match="over a limit"):
            client.call("crm.item.add", {}, writes=True)
        assert len(answers.asked) == 30

    @pytest.mark.parametrize("writes", [True, False])
    def test_a_renamed_portal(self, client: CrmClient, answers: Answers, writes: bool) -> None:
        answers.headers = f"Location: https://new.example/rest/1/{CODE}/m\r\n".encode()
        answers.say((302, b""))
        with pytest.raises(PortalMoved, match=r"redirects to new\.example: the portal was renamed"):
            client.call("m", {}, writes=writes)
        assert len(answers.asked) == 1

    @pytest.mark.parametrize("time", [{}, [], None, "soon", {"duration": "x", "operating": []}])
    def test_an_answer_without_time(self, client: CrmClient, answers: Answers, time: Any) -> None:
        answers.say((200, {"result": 1, "time": time}))
        assert client.call("m", {}, writes=True)["result"] == 1
        assert client.limits.budget().methods["m"] == MethodBudget(0, 480, 0)

    def test_the_portals_time_is_booked(self, client: CrmClient, answers: Answers) -> None:
        time = {"start": 5e8, "duration": 2.5, "operating": 40, "operating_reset_at": 5e8 + 99}
        answers.say((200, {"result": 1, "time": time}), (429, error("OPERATION_TIME_LIMIT")))
        client.call("m", {}, writes=True)
        assert client.limits.budget().methods["m"] == MethodBudget(40, 480, 2.5)
        with pytest.raises(CrmUnavailable):
            client.call("m", {}, writes=True)


class TestNotReached:
    def test_a_portal_that_is_switched_off(self, clock: Clock) -> None:
        with client_at(free_port(), clock) as client:
            with pytest.raises(CrmUnavailable, match="no connection"):
                client.call("crm.item.add", {}, writes=True)
            assert clock.sleeps == [1, 2, 4, 8, 15, 30, 60]
            assert client.limits.statistics.requests == 0

    def test_a_portal_that_comes_back(self, clock: Clock) -> None:
        port, started = free_port(), []

        def sleep(seconds: float) -> None:
            if seconds == 4:
                started.append(Server(port))
                started[0].answers.say((200, {"result": 7}))

        with client_at(port, clock) as client:
            client._sleep = sleep
            assert client.call("crm.item.add", {}, writes=True)["result"] == 7
        with started[0]:
            assert len(started[0].answers.asked) == 1


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


COMMANDS = {name: ("crm.item.update", {"id": number}) for number, name in enumerate("abc")}


class TestBatch:
    def test_each_command_has_its_outcome(self, client: CrmClient, answers: Answers) -> None:
        errors = {"b": error("", "bad phone"), "c": error("insufficient_scope")}
        answers.say(batch_body({"a": {"id": 1}}, errors))
        answer = client.batch(COMMANDS, writes=True)
        assert answer.results == {"a": {"id": 1}}
        assert {key: type(error) for key, error in answer.errors.items()} == {
            "b": Refused,
            "c": Stop,
        }
        assert answer.errors["b"].description == "bad phone"
        assert answer.fatal is answer.errors["c"]
        lines = {name: f"crm.item.update?id={number}" for number, name in enumerate("abc")}
        assert answers.asked == [(f"/rest/1/{CODE}/batch", {"halt": 0, "cmd": lines})]

    @pytest.mark.parametrize("empty", [[], {}, None])
    def test_empty_maps(self, client: CrmClient, answers: Answers, empty: Any) -> None:
        answers.say(batch_body(empty, {name: error("X") for name in "abc"}))
        assert client.batch(COMMANDS, writes=True).errors.keys() == {"a", "b", "c"}
        answers.say(batch_body({"a": None, "b": 0, "c": []}, empty))
        assert client.batch(COMMANDS, writes=True).results == {"a": None, "b": 0, "c": []}

    def test_lists_for_numbered_keys(self, client: CrmClient, answers: Answers) -> None:
        answers.say(batch_body([5], {"1": error("X")}))
        answer = client.batch({"0": ("m", {}), "1": ("m", {})}, writes=True)
        assert (answer.results, answer.errors.keys()) == ({"0": 5}, {"1"})

    def test_no_commands_no_request(self, client: CrmClient, answers: Answers) -> None:
        assert client.batch({}, writes=True).results == {}
        assert answers.asked == []

    def test_more_than_fifty(self, client: CrmClient) -> None:
        with pytest.raises(ValueError, match="50 commands at most, not 51"):
            client.batch({f"c{n}": ("m", {}) for n in range(51)}, writes=True)

    @pytest.mark.parametrize("code", ["OPERATION_TIME_LIMIT", "QUERY_LIMIT_EXCEEDED"])
    def test_commands_over_a_limit_are_sent_again(
        self, client: CrmClient, answers: Answers, clock: Clock, code: str
    ) -> None:
        over = {"a": error(code), "c": error(code)}
        answers.say(batch_body({"b": 1}, over), batch_body({"a": 2, "c": 3}))
        answer = client.batch(COMMANDS, writes=True)
        assert (answer.results, answer.errors) == ({"b": 1, "a": 2, "c": 3}, {})
        assert [list(params["cmd"]) for _, params in answers.asked] == [["a", "b", "c"], ["a", "c"]]
        assert client.limits.statistics.refused == 1
        if code == "OPERATION_TIME_LIMIT":
            assert clock.now == pytest.approx(60)
        else:
            assert 1.5 < clock.now < 3

    def test_commands_over_a_limit_for_ever(self, client: CrmClient, answers: Answers) -> None:
        over = {"a": error("OPERATION_TIME_LIMIT")}
        answers.say(batch_body({"b": 1, "c": 1}, over), batch_body([], over))
        answer = client.batch(COMMANDS, writes=True)
        assert isinstance(answer.errors["a"], Throttled)
        assert answer.results == {"b": 1, "c": 1}
        assert len(answers.asked) == 30

    @pytest.mark.parametrize(
        ("answer", "kind"), [((502, HTML), UnknownOutcome), ((401, error("expired_token")), Stop)]
    )
    def test_no_answer_is_lost_with_what_is_sent_again(
        self, client: CrmClient, answers: Answers, answer: Any, kind: type[CrmError]
    ) -> None:
        answers.say(batch_body({"b": 1, "c": 2}, {"a": error("OPERATION_TIME_LIMIT")}), answer)
        outcome = client.batch(COMMANDS, writes=True)
        assert outcome.results == {"b": 1, "c": 2}
        assert {key: type(error) for key, error in outcome.errors.items()} == {"a": kind}

    @pytest.mark.parametrize(
        ("answer", "kind"),
        [((502, HTML), UnknownOutcome), ((401, error("")), Stop), ((400, error("")), Refused)],
    )
    def test_what_befalls_the_whole_batch(
        self, client: CrmClient, answers: Answers, answer: Any, kind: type[CrmError]
    ) -> None:
        answers.say(answer)
        with pytest.raises(kind):
            client.batch(COMMANDS, writes=True)
        assert len(answers.asked) == 1

    def test_a_write_that_the_batch_says_nothing_about(
        self, client: CrmClient, answers: Answers
    ) -> None:
        answers.say(batch_body({"a": 1}, {"b": error("INTERNAL_SERVER_ERROR")}))
        answer = client.batch(COMMANDS, writes=True)
        assert {key: type(error) for key, error in answer.errors.items()} == {
            "b": UnknownOutcome,
            "c": UnknownOutcome,
        }

    def test_a_read_that_the_batch_says_nothing_about(
        self, client: CrmClient, answers: Answers, clock: Clock
    ) -> None:
        answers.say(batch_body({"a": 1}), batch_body({"b": 2, "c": 3}))
        assert client.batch(COMMANDS, writes=False).results == {"a": 1, "b": 2, "c": 3}
        assert clock.sleeps == [1]

    def test_reads_that_never_have_an_answer(self, client: CrmClient, answers: Answers) -> None:
        answers.say(batch_body({"a": 1}), batch_body([]))
        answer = client.batch(COMMANDS, writes=False)
        assert {type(error) for error in answer.errors.values()} == {UnknownOutcome}
        assert len(answers.asked) == 8


class TestBilling:
    """A batch is billed to its commands' methods or to itself."""

    def spent(self, client: CrmClient, answers: Answers, times: Any, own: Any) -> dict[str, float]:
        status, body = batch_body({"a": 1, "b": 2, "c": 3}, (), times)
        answers.say((status, {**body, "time": own}))
        client.batch({"a": ("x", {}), "b": ("x", {}), "c": ("y", {})}, writes=True)
        methods = client.limits.budget().methods
        return {name: budget.spent for name, budget in methods.items()}

    def test_commands(self, client: CrmClient, answers: Answers) -> None:
        times = {
            "a": {"duration": 1, "operating": 101},
            "b": {"duration": 2, "operating": 103},
            "c": {"duration": 4, "operating": 4},
        }
        spent = self.spent(client, answers, times, {"duration": 7})
        assert spent == {"batch": 0, "x": 103, "y": 4}

    def test_batch_itself(self, client: CrmClient, answers: Answers) -> None:
        times = {key: {"duration": 2} for key in "abc"}
        spent = self.spent(client, answers, times, {"duration": 6, "operating": 206})
        assert spent == {"batch": 206, "x": 0, "y": 0}

    def test_nobody_knows(self, client: CrmClient, answers: Answers) -> None:
        times = {key: {"duration": 2} for key in "abc"}
        spent = self.spent(client, answers, times, {"duration": 6})
        assert spent == {"batch": 6, "x": 4, "y": 2}


class TestSecrets:
    """The webhook's code shows nowhere."""

    @pytest.mark.parametrize(
        "answer",
        [
            *TestCall.UNKNOWN,
            (302, b""),
            (401, error("NO_AUTH_FOUND", f"no http://127.0.0.1/rest/1/{CODE}/ here")),
            (400, error("X", f"no http://127.0.0.1/rest/1/{CODE}/ here")),
            (503, error("QUERY_LIMIT_EXCEEDED")),
        ],
    )
    @pytest.mark.parametrize("writes", [True, False])
    def test_in_no_error_and_no_log(
        self,
        client: CrmClient,
        answers: Answers,
        caplog: pytest.LogCaptureFixture,
        answer: Any,
        writes: bool,
    ) -> None:
        caplog.set_level(logging.DEBUG)
        answers.headers = f"Location: /rest/1/{CODE}/m\r\n".encode()
        answers.say(answer)
        with pytest.raises(CrmError) as caught:
            client.call("m", {}, writes=writes)
        assert CODE not in told_by(caught.value) + caplog.text + repr(client)
        assert ("/rest/***/***/m" in caplog.text) is (answer is not DROP)

    def test_when_the_portal_is_off(self, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        with client_at(free_port(), clock) as client, pytest.raises(CrmError) as caught:
            client.call("m", {}, writes=True)
        assert CODE not in told_by(caught.value) + caplog.text

    def test_in_no_warning_about_headers(
        self, client: CrmClient, answers: Answers, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("WARNING")
        answers.headers = b"nonsense\r\n"
        answers.say((200, {"result": 1}))
        client.call("m", {}, writes=True)
        assert "Failed to parse headers" in caplog.text
        assert CODE not in caplog.text

    @pytest.mark.parametrize(
        "url",
        [
            "",
            CODE,
            f"https://portal.example/rest/1/{CODE}/profile.json",
            f"https://portal.example/rest/{CODE}/",
            f"https://portal.example/rest/1/{CODE}/?x=1",
            f"https://portal.example/rest/1/{CODE}/#x",
            f"https://portal.example/rest/1/{CODE} /",
            f"https://u:{CODE}@portal.example/rest/1/x/",
            f"https://portal.example:0/rest/1/{CODE}/",
            f"https://portal.example:x/rest/1/{CODE}/",
            f"https://[portal/rest/1/{CODE}/",
            f"https://портал.example/rest/1/{CODE}/",
            f"http://portal.example/rest/1/{CODE}/",
            f"ftp://127.0.0.1/rest/1/{CODE}/",
            f"//portal.example/rest/1/{CODE}/",
        ],
    )
    def test_a_wrong_webhook(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="--crm") as caught:
            check_webhook(url)
        assert CODE not in told_by(caught.value)


@pytest.mark.parametrize(
    "url",
    ["https://p.example/rest/1/x9/", "http://127.0.0.1:8/rest/1/x/", "http://[::1]/rest/1/x/"],
)
def test_a_right_webhook(url: str) -> None:
    assert check_webhook(url) == check_webhook(url[:-1]) == url


def told_by(error: BaseException) -> str:
    """All that anybody could print of an error, of those behind it too."""
    assert error.__context__ is None
    assert error.__cause__ is None
    return "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
