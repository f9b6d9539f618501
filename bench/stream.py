"""``python -m bench.stream --engine prism``: what the stream of ``svod delta --follow`` does.

A world's events go from a real broker through the whole stream up to the loader; the register's
answers are known. Events a second, of a job that waits for them: they come into the topic all at
once, and the time ends with the last offset committed. New records into an empty base; changed
ones, each with another telephone, a quarter of them mobiles; and events that are sent again. With
``--minutes`` they go on coming (``--rate`` a second), and the memory of all processes of the stream
is watched: the mean of each third of that time.
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
from pipeline.follow.stream_job import StreamJob
from pipeline.topic_lag import Lag, topic_access
from sandbox.register.server import TOKEN, Register
from sandbox.servers.flink import Flink
from sandbox.servers.kafka import Kafka
from sandbox.store_b_topic import Event, events, produce, upsert, withheld
from sandbox.world.world import World
from transforms.ledger.base.answers import save_answers
from transforms.ledger.database import open_ledger
from transforms.register.answer import Answer
from transforms.register.party import parse_party

_ROOT = Path(__file__).parents[1]
_PRISM = Path(sys.prefix) / "engines" / "prism" / "prism"
_TOPIC = "bench"
_AS_OF = 1_730_419_200_000_000
_LOOK = 0.1


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
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
        job, lag = _ready(stack, chosen.engine, Path(folder), kafka, world)
        produce(kafka.brokers, islice(events(world), 1), _TOPIC)
        began = time.perf_counter()
        job.start()
        _until(lambda: lag.look() == 0, job)
        print(f"{chosen.engine}: begun, and done with one, in {time.perf_counter() - began:.1f} s")
        told = {"new": events(world), "changed": _changed(world), "resent": _changed(world)}
        for name, coming in told.items():
            count, seconds = at_once(kafka.brokers, coming, job, lag)
            speed = f"{count / seconds:,.0f} a second"
            print(
                f"{chosen.engine}: {count:,} {name} events in {seconds:.1f} s: {speed}", flush=True
            )
        if chosen.minutes:
            thirds = watched(kafka.brokers, cycle(events(world)), chosen.rate, chosen.minutes)
            print(
                f"{chosen.rate} events a second for {chosen.minutes:g} minutes, mean MB by thirds:"
            )
            for name, sizes in thirds.items():
                print(f"  {name}: " + ", ".join(f"{size:.0f}" for size in sizes))
            _until(lambda: lag.look() == 0, job)
        _end(job)


def _changed(world: World) -> Iterator[Event]:
    for number, partner in enumerate(world.b.partners()):
        code = 921 if number % 4 == 0 else 812
        yield upsert({**partner, "phones": [f"+7{code}{number:07}"]})


def _ready(
    stack: ExitStack, engine: str, folder: Path, kafka: Kafka, world: World
) -> tuple[StreamJob, Lag]:
    """The job, not started yet, and all that it needs."""
    register = stack.enter_context(Register(rate=10**9, daily=10**9))
    environment = {
        options.LEDGER.variable: f"sqlite:///{folder}/ledger.db",
        options.REGISTER_TOKEN.variable: TOKEN,
    }
    stack.enter_context(patch.dict(os.environ, environment))
    given = ["--runner=PrismRunner", f"--prism_location={_PRISM}"]
    if engine == "flink":
        given = [*stack.enter_context(Flink(folder / "flink")).options]
    chosen = options.Options(
        store_b_kafka=kafka.brokers,
        store_b_topic=_TOPIC,
        register=register.url,
        register_rate=1e6,
        register_daily=10**9,
        ledger=environment[options.LEDGER.variable],
        beam=given,
    )
    ledger = stack.enter_context(closing(open_ledger(chosen.ledger)))
    answers = list(_answers(world))
    ledger.transact(lambda connection: save_answers(connection, 0, answers))
    lag = stack.enter_context(closing(Lag(topic_access(chosen))))
    return StreamJob(ledger, chosen, loads=False), lag


def _answers(world: World) -> Iterator[Answer]:
    """What the register says of each company, those included that it does not know."""
    known = {one["data"]["inn"]: [one] for one in world.register()}
    for number in range(world.sizes.companies):
        tin = world.identities.company(number).tin
        answer = parse_party(tin, {"suggestions": known.get(tin, [])}, _AS_OF)
        assert isinstance(answer, Answer)
        yield answer


def at_once(brokers: str, coming: Iterable[Event], job: StreamJob, lag: Lag) -> tuple[int, float]:
    """How many events there are, and the seconds in which a job that waits for them does them."""
    with withheld(brokers, coming, _TOPIC) as count:
        start = time.perf_counter()
    # The transaction is over when the brokers have entered that into all partitions.
    _until(lambda: lag.look() > 0, job)
    _until(lambda: lag.look() == 0, job)
    return count, time.perf_counter() - start


def _end(job: StreamJob) -> None:
    job.end()
    _until(lambda: job.has_ended, job)
    job.leave()


def watched(
    brokers: str, coming: Iterator[Event], rate: int, minutes: float
) -> dict[str, list[float]]:
    """Memory in MB by program, in each third of the time, while so many events a second come."""
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
    """Resident MB of this process and of those that it has started, by program."""
    parents: dict[int, int] = {}
    found: dict[int, tuple[str, float]] = {}
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            text = path.read_text()
        except OSError:
            continue  # It has ended.
        number = int(path.parent.name)
        if size := re.search(r"VmRSS:\s+(\d+)", text):
            name = re.search(r"Name:\s+(\S+)", text)
            parent = re.search(r"PPid:\s+(\d+)", text)
            assert name
            assert parent
            parents[number] = int(parent[1])
            found[number] = name[1], int(size[1]) / 1024
    sizes: dict[str, float] = defaultdict(float)
    for number, (name, size) in found.items():
        if _descends(number, parents):
            sizes[name] += size
    return dict(sizes)


def _descends(number: int, parents: dict[int, int]) -> bool:
    while number in parents and number != os.getpid():
        number = parents[number]
    return number == os.getpid()


def _until(truth: Callable[[], bool], job: StreamJob) -> None:
    while not truth():
        if job.trouble:
            raise RuntimeError(job.trouble)
        time.sleep(_LOOK)


if __name__ == "__main__":
    main()
