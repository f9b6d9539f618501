"""Store B's topic followed on a real Flink cluster, while one process after the other is killed."""

import pytest

from sandbox.flink import Flink
from sandbox.kafka import Kafka
from tests.streams import Stream


@pytest.fixture(scope="module")
def flink(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flink")
    with Flink(folder, {"SVOD_LEDGER_FILE": str(folder / "ledger")}) as running:
        yield running


def test_a_stream_survives_all_of_them(flink, tmp_path):
    with Kafka(tmp_path / "kafka") as kafka:
        kafka.create_topic("t")
        stream = Stream(kafka, "t", tmp_path, flink.environment, flink.streaming)
        try:
            stream.send(1000)
            stream.start()
            stream.await_some()
            stream.send(10_000)
            flink.kill("task-manager")
            flink.start_task_manager()
            stream.await_all()
            stream.send(10_000)
            flink.kill("workers")
            flink.start_workers()
            stream.await_all()
            stream.send(10_000)
            kafka.kill()
            kafka.start()
            stream.await_all()
        finally:
            stream.kill()
            flink.cancel()
