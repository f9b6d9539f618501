"""``python -m bench.stream --engine prism``: the speed of the stream of ``svod delta --follow``.

A world's events go from a real broker through the whole stream up to the loader; the register's
answers are in the ledger beforehand. Measures events a second of a job that waits for them: the
events enter the topic all at once, and the time ends with the last committed offset. It does so
for new records on an empty base, for changed records (each with another telephone, a quarter of
them mobiles), and for the same events once more.

With ``--minutes`` more events come, ``--rate`` a second. Prints the mean memory of all processes
of the stream in each third of that time.
"""

import argparse
import logging
import os
import re
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import cycle, islice
from pathlib import Path
from statistics import mean
from unittest.mock import patch

from bench.full import facts
from pipeline import options
from pipeline.access import topic_accesses
from pipeline.follow.stream_job import StreamJob
from pipeline.option_values.store_options import lay_over
from pipeline.topic_lag import TopicLags
from sandbox.register.server import TOKEN, Register
from sandbox.servers.flink import Flink
from sandbox.servers.kafka import Kafka
from sandbox.store_b_topic import Event, events, produce, produce_in_transaction, upsert
from sandbox.world.world import World
from transforms.configuration.builtin import built_in_configuration
from transforms.ledger.base.answers import save_answers
from transforms.ledger.database import open_ledger
from transforms.register.answer import Answer
from transforms.register.party import parse_party

_ROOT = Path(__file__).parents[1]
_PRISM = Path(sys.prefix) / "engines" / "prism" / "prism"
_TOPIC = "bench"
_AS_OF = 1_730_419_200_000_000
_POLL_INTERVAL = 0.1


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.stream", description=__doc__)
    parser.add_argument("--engine", choices=("prism", "flink"), default="prism")
    parser.add_argument("--scale", type=float, default=0.1, help="1 is 725,000 partners")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=0.0)
    parser.add_argument("--rate", type=int, default=100)
    chosen = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    logging.getLogger("PrismRunner").setLevel(logging.CRITICAL)
    print(facts())
    world = World(chosen.seed, chosen.scale)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        kafka = stack.enter_context(Kafka(Path(folder) / "kafka"))
        kafka.create_topic(_TOPIC)
        job, lags = _prepare(stack, chosen.engine, Path(folder), kafka, world)
        produce(kafka.brokers, islice(events(world), 1), _TOPIC)
        began = time.perf_counter()
        job.start()
        _wait_until(lambda: lags.measure() == 0, job)
        print(f"{chosen.engine}: begun, and done with one, in {time.perf_counter() - began:.1f} s")
        streams = {
            "new": events(world),
            "changed": _changed_events(world),
            "resent": _changed_events(world),
        }
        for name, coming in streams.items():
            count, seconds = time_waiting_job(kafka.brokers, coming, job, lags)
            speed = f"{count / seconds:,.0f} a second"
            print(
                f"{chosen.engine}: {count:,} {name} events in {seconds:.1f} s: {speed}", flush=True
            )
        if chosen.minutes:
            thirds = watch_memory(kafka.brokers, cycle(events(world)), chosen.rate, chosen.minutes)
            print(
                f"{chosen.rate} events a second for {chosen.minutes:g} minutes, mean MB by thirds:"
            )
            for name, sizes in thirds.items():
                print(f"  {name}: " + ", ".join(f"{size:.0f}" for size in sizes))
            _wait_until(lambda: lags.measure() == 0, job)
        _end(job)


def _changed_events(world: World) -> Iterator[Event]:
    for number, partner in enumerate(world.b.partners()):
        code = 921 if number % 4 == 0 else 812
        yield upsert({**partner, "phones": [f"+7{code}{number:07}"]})


def _prepare(
    stack: ExitStack, engine: str, folder: Path, kafka: Kafka, world: World
) -> tuple[StreamJob, TopicLags]:
    """Makes the job, not yet started, with its services, and the topics' lags."""
    register = stack.enter_context(Register(rate=10**9, daily=10**9))
    environment = {
        options.LEDGER.variable: f"sqlite:///{folder}/ledger.db",
        options.REGISTER_TOKEN.variable: TOKEN,
        "SVOD_KAFKA": kafka.brokers,
    }
    stack.enter_context(patch.dict(os.environ, environment))
    engine_options = ["--runner=PrismRunner", f"--prism_location={_PRISM}"]
    if engine == "flink":
        engine_options = [*stack.enter_context(Flink(folder / "flink")).options]
    chosen = options.Options(
        configuration=lay_over(
            built_in_configuration(), {"store_b_kafka": "SVOD_KAFKA", "store_b_topic": _TOPIC}
        ),
        register=register.url,
        register_rate=1e6,
        register_daily=10**9,
        ledger=environment[options.LEDGER.variable],
        beam=engine_options,
    )
    ledger = stack.enter_context(closing(open_ledger(chosen.ledger)))
    answers = list(_answers(world))
    ledger.transact(lambda connection: save_answers(connection, 0, answers))
    lags = stack.enter_context(closing(TopicLags(topic_accesses(chosen))))
    return StreamJob(ledger, chosen, loads=False), lags


def _answers(world: World) -> Iterator[Answer]:
    """Yields the register's answer for each company, also for those that it does not know."""
    suggestions = {suggestion["data"]["inn"]: [suggestion] for suggestion in world.register()}
    for number in range(world.sizes.companies):
        tin = world.identities.company(number).tin
        answer = parse_party(tin, {"suggestions": suggestions.get(tin, [])}, _AS_OF)
        assert isinstance(answer, Answer)
        yield answer


def time_waiting_job(
    brokers: str, coming: Iterable[Event], job: StreamJob, lags: TopicLags
) -> tuple[int, float]:
    """Returns the number of events and the seconds until the waiting job has committed all."""
    with produce_in_transaction(brokers, coming, _TOPIC) as count:
        start = time.perf_counter()
    # The transaction has ended when the brokers have marked it in all partitions.
    _wait_until(lambda: lags.measure() > 0, job)
    _wait_until(lambda: lags.measure() == 0, job)
    return count, time.perf_counter() - start


def _end(job: StreamJob) -> None:
    job.end()
    _wait_until(lambda: job.has_ended, job)
    job.leave()


def watch_memory(
    brokers: str, coming: Iterator[Event], rate: int, minutes: float
) -> dict[str, list[float]]:
    """Sends ``rate`` events a second; returns the mean MB by program in each third of the time."""
    samples: dict[str, list[float]] = defaultdict(list)
    for _ in range(int(60 * minutes)):
        began = time.monotonic()
        produce(brokers, islice(coming, rate), _TOPIC)
        for name, size in _memory().items():
            samples[name].append(size)
        time.sleep(max(0.0, began + 1 - time.monotonic()))
    return {name: [mean(part) for part in _thirds(sizes)] for name, sizes in samples.items()}


def _thirds(sizes: Sequence[float]) -> Iterable[Sequence[float]]:
    step = -(-len(sizes) // 3)
    return [sizes[start : start + step] for start in range(0, len(sizes), step)]


def _memory() -> dict[str, float]:
    """Returns the resident MB of this process and its descendants, by program name."""
    parents: dict[int, int] = {}
    processes: dict[int, tuple[str, float]] = {}
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            text = path.read_text()
        except OSError:
            continue  # It has ended.
        status = dict(re.findall(r"^(Name|PPid|VmRSS):\s+(\S+)", text, re.MULTILINE))
        if "VmRSS" in status:  # The kernel's own processes have none.
            pid = int(path.parent.name)
            parents[pid] = int(status["PPid"])
            processes[pid] = status["Name"], int(status["VmRSS"]) / 1024
    sizes: dict[str, float] = defaultdict(float)
    for pid, (name, size) in processes.items():
        if _descends(pid, parents):
            sizes[name] += size
    return dict(sizes)


def _descends(pid: int, parents: dict[int, int]) -> bool:
    while pid in parents and pid != os.getpid():
        pid = parents[pid]
    return pid == os.getpid()


def _wait_until(condition: Callable[[], bool], job: StreamJob) -> None:
    while not condition():
        if job.trouble:
            raise RuntimeError(job.trouble)
        time.sleep(_POLL_INTERVAL)


if __name__ == "__main__":
    main()
