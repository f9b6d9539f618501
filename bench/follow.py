"""``python -m bench.follow``: how soon an event of the topic is in the CRM.

Runs ``svod delta --follow`` on the embedded runner, from a real broker into the strict local
Bitrix24 at its real limits. A third of the events are new firms with a person each, the others
change the phone of a firm that exists. Prints how many seconds pass from an event until the CRM
shows it: for half of the events, for 95 in 100, for all.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any

from bench.full import facts
from pipeline import options
from sandbox.bitrix24 import Bitrix24
from sandbox.register.server import TOKEN, Register, encode
from sandbox.servers.kafka import Kafka
from sandbox.store_b_topic import Event, produce, upsert
from sandbox.world import check_digits

_TOPIC = "bench"
_POLL_INTERVAL = 0.1
_BASE = 2_000_000
_PATIENCE = 120.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m bench.follow", description=__doc__)
    parser.add_argument("--rate", type=int, default=20, help="events a second")
    parser.add_argument("--seconds", type=int, default=60)
    chosen = parser.parse_args(arguments)
    print(facts())
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        kafka = stack.enter_context(Kafka(Path(folder) / "kafka"))
        kafka.create_topic(_TOPIC)
        register = stack.enter_context(Register(rate=10**9, daily=10**9))
        portal = stack.enter_context(Bitrix24(sleep=True))
        stack.enter_context(_follower(folder, kafka, register, portal))
        count = chosen.rate * chosen.seconds
        register.answers = encode([_party(tin) for tin in map(_tin, range(count))])
        # The program is ready as soon as the first firm has arrived.
        _waits(kafka, portal, range(2), chosen.rate)
        waits = _waits(kafka, portal, range(2, count), chosen.rate)
        refused = sum(portal.stats.refused.values())
    cuts = quantiles(waits, n=20)
    print(
        f"{len(waits):,} events, {chosen.rate} a second: half of them in the CRM after "
        f"{cuts[9]:.1f} s, 95 in 100 after {cuts[18]:.1f} s, all after {max(waits):.1f} s; "
        f"{refused} requests refused"
    )


@contextmanager
def _follower(folder: str, kafka: Kafka, register: Register, portal: Bitrix24) -> Iterator[None]:
    """Runs the program until the end of the block."""
    environment = {
        options.LEDGER.variable: f"sqlite:///{folder}/ledger.db",
        "SVOD_REGISTER": register.url,
        options.REGISTER_TOKEN.variable: TOKEN,
        options.CRM.variable: portal.webhook,
    }
    topic = [f"--store_b_kafka={kafka.brokers}", f"--store_b_topic={_TOPIC}"]
    command = [sys.executable, "-m", "pipeline", "delta", "--follow", *topic]
    process = subprocess.Popen(command, env=os.environ | environment, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_PATIENCE)


def _waits(kafka: Kafka, portal: Bitrix24, numbers: range, rate: int) -> list[float]:
    """Sends ``rate`` events a second; returns the seconds until the CRM showed each of them.

    An event also counts as shown when the CRM shows a later event of the same record.
    """
    sent_at: dict[str, dict[int, float]] = defaultdict(dict)
    waits: list[float] = []
    began, position = time.monotonic(), 0
    while position < len(numbers) or any(sent_at.values()):
        now = time.monotonic()
        if now > began + len(numbers) / rate + _PATIENCE:
            raise TimeoutError(f"{len(waits)} of {len(numbers)} events have arrived")
        # The event at position 0 is due at once, the next one after 1 / rate seconds.
        due = numbers[position : 1 + int((now - began) * rate)]
        position += len(due)
        _send(kafka, due, sent_at, now)
        for origin, shown_number in _shown_events(portal):
            for number in [number for number in sent_at[origin] if number <= shown_number]:
                waits.append(time.monotonic() - sent_at[origin].pop(number))
        time.sleep(_POLL_INTERVAL)
    return waits


def _send(
    kafka: Kafka, numbers: range, sent_at: dict[str, dict[int, float]], moment: float
) -> None:
    """Sends the events of these numbers and enters the moment for each."""
    events = []
    for number in numbers:
        origin, event = _event(number)
        sent_at[origin][number] = moment
        events.append(event)
    if events:
        produce(kafka.brokers, events, _TOPIC, enable_idempotence=False)


def _event(number: int) -> tuple[str, Event]:
    """Returns the event and the origin id of its record; the phone encodes the event's number.

    Of six events the first two are a new firm and its person, the others change earlier firms.
    """
    group, place = divmod(number, 6)
    firm = group if place < 2 else (group * 4 + place) * 7919 % (group + 1)
    changed = {"changed_at": "2024-01-01T12:00:00+03:00"}
    if place == 1:
        partner = {"partner": f"9{firm:09}", "category": "1", "contact_of": [f"{firm:010}"]}
        person = {
            "last_name": "Сидоров",
            "first_name": "Пётр",
            "phones": [f"+7921{_BASE + number}"],
        }
        return f"B-9{firm:09}", upsert(partner | person | changed)
    partner = {"partner": f"{firm:010}", "category": "2", "phones": [f"+7812{_BASE + number}"]}
    numbers = {"taxnumbers": [{"type": "INN", "number": _tin(firm)}]}
    return _tin(firm), upsert(partner | numbers | changed)


def _shown_events(portal: Bitrix24) -> Iterator[tuple[str, int]]:
    """Yields each record's origin id and the number of the newest event that it shows."""
    for row in portal.companies() + portal.contacts():
        phones = [value["value"] for value in row["fm"] if value["typeId"] == "PHONE"]
        numbers = [int(phone[-7:]) - _BASE for phone in phones]
        yield row["originId"], max(numbers, default=-1)


def _tin(number: int) -> str:
    return check_digits.tin(f"78{number:07d}")


def _party(tin: str) -> dict[str, Any]:
    names = {"full_with_opf": f'ООО "ФИРМА {tin}"', "short_with_opf": f'ООО "ФИРМА {tin}"'}
    return {
        "value": names["short_with_opf"],
        "data": {
            "inn": tin,
            "ogrn": check_digits.ogrn(f"119784{tin[2:8]}"),
            "type": "LEGAL",
            "branch_type": "MAIN",
            "state": {"status": "ACTIVE", "actuality_date": 1_714_003_200_000},
            "name": names | {"full": f"ФИРМА {tin}", "short": f"ФИРМА {tin}"},
            "opf": {"code": "12300", "short": "ООО"},
        },
    }


if __name__ == "__main__":
    main()
