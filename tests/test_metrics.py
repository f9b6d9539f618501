"""The metrics for Prometheus, and the answers to health checks."""

import re
import socket
import urllib.error
import urllib.request
from contextlib import closing
from functools import partial
from types import SimpleNamespace

import pytest

from pipeline import metrics as module
from pipeline import metrics_export
from pipeline.access import crm_access
from pipeline.metrics import Gauges, MetricsCollector, RunMetrics, read_gauges
from pipeline.metrics_export import serving
from pipeline.options import Options
from sandbox.servers.services import free_port
from tests.helpers.installation import party, tin
from transforms.core.errors import ConfigurationError
from transforms.crm.limits.request_rate import Limits
from transforms.ledger import schema
from transforms.ledger.database import open_ledger
from transforms.ledger.progress import Progress
from transforms.ledger.runs import finish_run, start_run
from transforms.register.limiter import DailyBudget

SAMPLE = re.compile(r'(svod_\w+)(\{(?:\w+="[^"]*",?)+\})? (-?[0-9.e+]+)')
SUMMARY = {
    "status": "done",
    "companies": {"valid": 3, "deferred": 0, "created": 2, "invalid": {"missing_tin": 1}},
    "contacts": {"valid": 5, "waiting": 4, "updated": 1, "invalid": {}},
    "messages": 2,
    "crm": {"requests": 7, "refused": 1},
    "register": {"queries": 3},
}


class Behind:
    """A topic's lag."""

    def __init__(self):
        self.by_store, self.seconds = {"B": SimpleNamespace(events={})}, 2.5

    def refresh(self):
        self.by_store["B"].events = {0: 5, 1: 0}


def gauges():
    return Gauges(Limits(rate=2, burst=50).budget(), DailyBudget(100, "2024-01-01", 0))


def text(counted):
    return MetricsCollector(counted, gauges).text()


def samples(text):
    comments = "# HELP svod_", "# TYPE svod_"
    lines = [line for line in text.splitlines() if not line.startswith(comments)]
    matches = [SAMPLE.fullmatch(line) for line in lines]
    assert None not in matches
    return {f"{match[1]}{match[2] or ''}": float(match[3]) for match in matches}


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return answer.read().decode()


def test_runs_add_up():
    counted = RunMetrics(Behind())
    assert "svod_last_success_timestamp_seconds" not in samples(text(counted))
    for _ in range(2):
        counted.count_run(SUMMARY)
    counted.count_failed_run()
    values = samples(text(counted))
    assert {name: values[name] for name in values if "records" in name and values[name]} == {
        'svod_records_total{kind="companies",outcome="valid"}': 6,
        'svod_records_total{kind="companies",outcome="created"}': 4,
        'svod_records_total{kind="companies",outcome="invalid",reason="missing_tin"}': 2,
        'svod_records_total{kind="contacts",outcome="valid"}': 10,
        'svod_records_total{kind="contacts",outcome="waiting"}': 8,
        'svod_records_total{kind="contacts",outcome="updated"}': 2,
        'svod_records_total{kind="messages",outcome="invalid"}': 4,
    }
    assert values['svod_runs_total{status="done"}'] == 2
    assert values['svod_runs_total{status="failed"}'] == 1
    assert values["svod_crm_requests_total"] == 14
    assert values['svod_lag_events{partition="0"}'] == 5
    assert values["svod_lag_seconds"] == 2.5
    assert (values["svod_crm_bucket_used"], values["svod_crm_bucket_size"]) == (0, 50)
    assert values["svod_register_questions_left"] == values["svod_register_questions_limit"] == 100
    assert values["svod_last_success_timestamp_seconds"] >= values["svod_start_time_seconds"]


def test_it_is_served_and_tells_when_no_run_ends_well(monkeypatch):
    port, counted = free_port(), RunMetrics()
    with serving(("127.0.0.1", port), MetricsCollector(counted, gauges)):
        assert get(port, "/health") == "ok\n"
        assert "svod_runs_total" in get(port, "/metrics")
        monkeypatch.setattr(module, "_STALE", -1)
        for path, status in (("/health", 503), ("/", 404)):
            with pytest.raises(urllib.error.HTTPError) as refused:
                get(port, path)
            assert refused.value.code == status
            refused.value.close()
        # Nothing that a restart would mend.
        assert get(port, "/live") == "ok\n"
        with (
            pytest.raises(ConfigurationError, match="--metrics_address: Address already in use"),
            serving(("127.0.0.1", port), MetricsCollector(counted, gauges)),
        ):
            pass


def test_a_label_may_hold_any_text():
    counted = RunMetrics()
    counted.count_run({**SUMMARY, "status": 'a "b"\\\n'})
    assert r'svod_runs_total{status="a \"b\"\\\n"} 1.0' in text(counted).splitlines()


def test_a_connection_that_sends_nothing_is_closed(monkeypatch):
    monkeypatch.setattr(metrics_export._Handler, "timeout", 0.1)
    port = free_port()
    with (
        serving(("127.0.0.1", port), MetricsCollector(RunMetrics(), gauges)),
        socket.create_connection(("127.0.0.1", port), timeout=30) as idle,
    ):
        assert idle.recv(1) == b""


def test_a_long_run_that_comes_on_is_healthy(tmp_path, monkeypatch):
    counted = RunMetrics()
    counted.last_success -= 700
    with closing(open_ledger(f"sqlite:///{tmp_path}/svod.db")) as ledger:
        monkeypatch.setenv("SVOD_CRM", "http://127.0.0.1:9/rest/1/c0de/")

        def healthy():
            read = partial(read_gauges, ledger, crm_access(Options()), 10_000)
            return MetricsCollector(counted, read).is_healthy()

        assert not healthy()
        run = start_run(ledger, "delta --follow")
        assert not healthy()
        Progress(ledger, run, "load companies").flush()
        assert healthy()
        with ledger.write() as connection:
            long_ago = schema.progress.c.updated_at - 700_000_000
            connection.execute(schema.progress.update().values(updated_at=long_ago))
        assert not healthy()
        Progress(ledger, run, "load companies").flush()
        finish_run(ledger, run, "failed", None)
        assert not healthy()
    with closing(open_ledger(f"sqlite:///{tmp_path}/other.db")) as ledger:
        with ledger.write() as connection:
            schema.progress.drop(connection)
        assert not healthy()


def test_a_delta_writes_them_into_a_file(place):
    place.know([party(tin(1), "АЛЬФА")])
    place.company(1, tin(1))
    file = place.folder / "textfile" / "svod.prom"
    assert place.delta(f"--metrics_file={file}").code == 0
    values = samples(file.read_text())
    assert values['svod_records_total{kind="companies",outcome="created"}'] == 1
    assert values['svod_runs_total{status="done"}'] == 1
    assert [path.name for path in file.parent.iterdir()] == ["svod.prom"]
    place.execute("CREATE TRIGGER no BEFORE INSERT ON golden BEGIN SELECT RAISE(FAIL, 'no'); END")
    place.change("companies", 1, phone="8 921 765-43-21")
    assert place.delta(f"--metrics_file={file}").code == 1
    assert samples(file.read_text())['svod_runs_total{status="failed"}'] == 1


@pytest.mark.parametrize("address", ["9464", "localhost:", "localhost:99999"])
def test_an_address_that_is_none(place, address):
    ended = place.delta("--follow", f"--metrics_address={address}")
    assert ended.code == 2
    assert f"{address} is not an address: write HOST:PORT" in ended.err
