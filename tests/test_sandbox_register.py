"""The local register obeys its contract: key, rate, quota, connections, faults."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from sandbox.register.server import Fault, Register, encode, read_answers
from sandbox.world.world import World, write_lines

RECORD = {"value": 'ООО "ПР"', "data": {"inn": "7805746764", "state": {"status": "ACTIVE"}}}


def ask(register, session, tin="7805746764", key=None):
    return session.post(
        f"{register.url}/findById/party",
        json={"query": tin, "branch_type": "MAIN", "count": 1},
        headers={"Authorization": f"Token {key or register.token}"},
        timeout=5,
    )


@pytest.fixture
def session():
    with requests.Session() as session:
        yield session


def test_it_answers_with_the_suggestion_or_with_none(session):
    with Register([RECORD]) as register:
        assert ask(register, session).json() == {"suggestions": [RECORD]}
        assert ask(register, session, "7707083893").json() == {"suggestions": []}
        stats = register.stats()
    assert stats["queries"] == {"7805746764": 1, "7707083893": 1}
    assert (stats["found"], stats["not_found"], stats["connections"]) == (1, 1, 1)


def test_a_bad_key_is_401_and_stands_in_the_message(session):
    with Register([RECORD]) as register:
        answer = ask(register, session, key="wrong-key")
        assert answer.status_code == 401
        assert answer.json()["family"] == "CLIENT_ERROR"
        assert "wrong-key" in answer.json()["message"]
        assert register.stats()["answered"] == 0


def test_more_than_the_rate_within_a_second_is_429(session):
    with Register([RECORD], rate=3) as register:
        assert [ask(register, session).status_code for _ in range(4)] == [200, 200, 200, 429]
        assert register.stats()["peak_rate"] == 4


def test_more_than_the_daily_quota_is_403(session):
    with Register([RECORD], daily=2) as register:
        answers = [ask(register, session) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 403]
    assert answers[2].json()["reason"] == "Forbidden"


def test_more_connections_than_allowed_are_429_but_a_kept_one_goes_on(session):
    with Register([RECORD], connections=1) as register:
        assert ask(register, session).status_code == 200
        with requests.Session() as second_session:
            assert ask(register, second_session).status_code == 429
        assert ask(register, session).status_code == 200


@pytest.mark.parametrize(
    ("kind", "status"),
    [("html", 502), ("busy", 429), ("unauthorized", 401), ("forbidden", 403)],
)
def test_a_fault_answers_so_often_and_no_more(session, kind, status):
    with Register([RECORD]) as register:
        register.set_faults([Fault(kind, count=2)])
        assert [ask(register, session).status_code for _ in range(3)] == [status, status, 200]


@pytest.mark.parametrize("kind", ["unauthorized", "forbidden"])
def test_an_error_can_echo_the_key(session, kind):
    with Register([RECORD]) as register:
        register.set_faults([Fault(kind)])
        assert register.token in ask(register, session).json()["message"]


def test_garbage_is_no_json_and_a_strange_shape_is_json_without_an_answer(session):
    with Register([RECORD]) as register:
        register.set_faults([Fault("garbage", count=1), Fault("shape")])
        with pytest.raises(json.JSONDecodeError):
            json.loads(ask(register, session).text)
        assert ask(register, session).json() != {"suggestions": [RECORD]}


def test_a_fault_of_one_tin_leaves_the_others_alone(session):
    with Register([RECORD]) as register:
        register.set_faults([Fault("html", tins=frozenset({"7707083893"}))])
        assert ask(register, session, "7707083893").status_code == 502
        assert ask(register, session).status_code == 200


@pytest.mark.parametrize("kind", ["hang", "drop"])
def test_no_answer_at_all(session, kind):
    with Register([RECORD]) as register:
        register.set_faults([Fault(kind, seconds=0.01)])
        with pytest.raises(requests.ConnectionError):
            ask(register, session)


def test_faults_and_stats_over_http(session):
    with Register([RECORD]) as register:
        session.post(f"{register.origin}/_sandbox/faults", json=[{"kind": "busy"}], timeout=5)
        assert ask(register, session).status_code == 429
        session.post(f"{register.origin}/_sandbox/faults", json=[], timeout=5)
        assert ask(register, session).status_code == 200
        stats = session.get(f"{register.origin}/_sandbox/stats", timeout=5).json()
    assert stats["statuses"] == {"200": 1, "429": 1}


def test_what_the_contract_does_not_know_is_refused(session):
    key = {"Authorization": "Token sandbox-register-key"}
    with Register([RECORD]) as register:
        path = f"{register.url}/findById/party"
        assert session.post(f"{register.url}/suggest", headers=key, timeout=5).status_code == 404
        assert session.post(path, data="{}", headers=key, timeout=5).status_code == 415
        assert session.post(path, json={"inn": "1"}, headers=key, timeout=5).status_code == 400
        assert session.get(path, timeout=5).status_code == 404


def test_the_worlds_file_holds_the_worlds_register(tmp_path):
    world = World(seed=3, scale=0.001)
    write_lines(tmp_path / "register.jsonl", world.register())
    assert read_answers(tmp_path / "register.jsonl") == encode(world.register())


def test_alone_it_serves_a_file_until_it_is_ended(tmp_path, session):
    (tmp_path / "register.jsonl").write_text(json.dumps(RECORD) + "\n")
    command = [
        sys.executable,
        "-m",
        "sandbox.register",
        "--data",
        "register.jsonl",
        "--token",
        "k",
    ]
    root = {"PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(command, cwd=tmp_path, env=root, stdout=subprocess.PIPE) as process:
        url = process.stdout.readline().decode().strip()
        answer = session.post(
            f"{url}/findById/party",
            json={"query": "7805746764"},
            headers={"Authorization": "Token k"},
            timeout=5,
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert answer.json() == {"suggestions": [RECORD]}
