"""Runs that fail: a plain line, exit code 1, no personal data in it, and the next run goes on."""

from types import SimpleNamespace

import grpc
import pytest

from pipeline import graph
from pipeline.failures import plain_reason
from tests.helpers.installation import party, tin
from transforms.core.errors import StoreError
from transforms.ledger.accounting import NumbersDoNotAddUpError
from transforms.stores.registry import rules_of


@pytest.fixture
def ready(place):
    place.know([party(tin(1), "АЛЬФА")])
    place.company(1, tin(1), name="ООО Альфа")
    return place


def failed(place, told):
    # What a test puts in a step's place exists in this process only.
    ended = place.full("--processes=1", sources=["store_a"])
    assert (ended.code, ended.out) == (1, "")
    [line] = [line for line in ended.err.splitlines() if line.startswith("svod: ")]
    assert told in line
    assert "Traceback" not in ended.err
    assert "Альфа" not in ended.err
    assert place.rows("SELECT status, finished_at IS NULL FROM runs") == [("failed", 0)]
    assert place.svod("status").out.count("failed") == 1


def succeeds(place):
    assert place.full(sources=["store_a"]).code == 0
    assert place.titles() == {tin(1): "ООО «АЛЬФА»"}


def test_a_defect_says_where_it_is_and_quotes_nobody(ready, monkeypatch):
    def broken(raw):
        raise ValueError(raw["name"].decode("cp1251"))

    with monkeypatch.context() as patch:
        rules = SimpleNamespace(cleaners={"company": broken, "contact": broken})
        patch.setattr(graph, "rules_of", lambda *_: rules)
        failed(ready, "svod: the run failed: an unexpected ValueError in test_failures.py, line ")
    assert graph.rules_of is rules_of
    succeeds(ready)


def test_a_store_that_stops_answering_is_named(ready, monkeypatch):
    def lost(*_):
        raise StoreError("store A does not answer, tried 6 times; last: gone")

    with monkeypatch.context() as patch:
        patch.setattr("transforms.stores.sql.client.Session.rows", lost)
        failed(ready, "svod: the run failed: store A does not answer, tried 6 times; last: gone")
    succeeds(ready)


def test_numbers_that_do_not_add_up_are_no_success(ready, monkeypatch):
    def wrong(*_):
        raise NumbersDoNotAddUpError("7 rows have no outcome")

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.summary.summarize", wrong)
        failed(ready, "svod: 7 rows have no outcome")
    succeeds(ready)


def test_a_ledger_that_fails_in_the_middle_is_told(ready):
    assert ready.svod("status").code == 0
    ready.execute("DROP TABLE rows")
    failed(ready, "svod: the run failed: the ledger failed: no such table: rows")


class LostConnection(grpc.RpcError, grpc.Call):
    """What grpc raises when the job server dies in the middle of a job."""

    def code(self):
        return grpc.StatusCode.UNAVAILABLE

    add_callback = cancel = details = initial_metadata = is_active = time_remaining = None
    trailing_metadata = None


def test_an_engine_that_does_not_answer_is_named():
    assert plain_reason(LostConnection("Иванов")) == (
        "the engine does not answer (UNAVAILABLE): its job server has ended or cannot be reached,"
        " so the outcome of the job is unknown; nothing is lost: start a run again when the engine"
        " is whole, it takes up what is unfinished"
    )


FLINK = "org.apache.flink.runtime"
SDK = "org.apache.beam.vendor.grpc.v1p69p0.io.grpc.StatusRuntimeException: "


@pytest.mark.parametrize(
    ("text", "loss"),
    [
        (f"{FLINK}.messages.FlinkJobNotFoundException: Could not find Flink job", "its JobManager"),
        (f"{FLINK}.io.network.partition.PartitionNotFoundException: Иванов", "a TaskManager"),
        (f"{FLINK}.jobmaster: Heartbeat of TaskManager 127.0.0.1 timed out", "a TaskManager"),
        (f"{FLINK}.NoResourceAvailableException: Could not acquire the minimum", "a TaskManager"),
        (f"{SDK}CANCELLED: call already cancelled", "a worker"),
        ("java.io.IOException: SDK Harness connection lost", "a worker"),
        ("java.net.ConnectException: Connection refused", "its connection to a process"),
    ],
)
def test_an_engine_that_gave_a_job_up_says_what_it_lost(text, loss):
    reason = plain_reason(RuntimeError(f"Pipeline job-1 failed in state FAILED: {text}"))
    assert reason.startswith(f"the engine ended the job as FAILED: it has lost {loss}; nothing is ")
    assert "Иванов" not in reason
    assert "defect" not in reason


def test_an_engine_that_gives_no_reason_is_named_too():
    reason = plain_reason(RuntimeError("Pipeline job-1 failed in state CANCELLED: unknown error"))
    assert reason.startswith("the engine ended the job as CANCELLED: its own log says why; nothing")


def test_a_defect_in_a_worker_elsewhere_says_where_it_is_and_quotes_nobody():
    text = (
        "Pipeline job-1 failed in state FAILED: java.util.concurrent.ExecutionException:"
        " java.lang.RuntimeError: Error received from SDK harness for instruction 3:"
        " Traceback (most recent call last):\n"
        '  File "/opt/apache_beam/runners/worker.py", line 311, in _execute\n'
        "    response = task()\n"
        '  File "/opt/transforms/stores/mapping/headers.py", line 40, in is_set\n'
        "    raise ValueError(raw)\n"
        "ValueError: Иванов [while running 'Clean']\n\n"
        "\tat org.apache.beam.runners.fnexecution.control.FnApiControlClient"
    )
    assert plain_reason(RuntimeError(text)) == (
        "an unexpected ValueError in headers.py, line 40: this is a defect of svod, please report"
        " it; nothing is lost"
    )
