"""A plan records exactly the calls that the portal receives when the same records are loaded."""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sandbox.bitrix24 import Bitrix24, php
from sandbox.bitrix24.web.gateway import Call
from tests.helpers.golden_load import SETTLE, Record, bring, client_of, hold
from tests.helpers.installation import tin
from transforms.core.chunks import chunks
from transforms.core.golden_records import GoldenCompany, GoldenContact
from transforms.core.records import COMPANY, CONTACT, Address, BankAccount
from transforms.crm.api.batch import encode_command
from transforms.crm.api.portal import Portal
from transforms.crm.limits.request_size import IMPORT
from transforms.crm.loading.loader import Loader
from transforms.crm.planner import SKIP, Planned, Planner
from transforms.crm.recording import RecordedCall, placeholder_id
from transforms.ledger import schema
from transforms.ledger.database import Ledger, open_ledger
from transforms.ledger.loads import load_queue
from transforms.ledger.loads.load_queue import PendingRecord

COMPANIES, CONTACTS = 9, 12
CREATED_EARLIER = 6  # of the companies; the others are new, or people made them
PRESET = "#CRM_REQUISITE_PRESET_DEF_RU_COMPANY#"
# In its world all methods and all cases occur.
RICH = 7
WRITES = ("add", "update", "batchImport")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    yield ledger
    ledger.close()


@pytest.fixture
def portal() -> Iterator[Bitrix24]:
    with Bitrix24(limits=False) as portal:
        yield portal
        assert portal.stats.violations == {}


@pytest.mark.parametrize("seed", [3, 4, 5, RICH])
def test_the_calls_of_a_plan_are_those_of_the_load(
    ledger: Ledger, portal: Bitrix24, seed: int
) -> None:
    rng = random.Random(seed)
    bring(ledger, portal, random_records(rng, range(CREATED_EARLIER)))
    people_edit(rng, portal)
    run = hold(ledger, random_records(rng, range(COMPANIES)))
    before = dump(ledger), portal.stats.writes
    with client_of(portal) as client:
        crm = Portal(client)
        crm.check()
        lines, calls = plan(ledger, crm, size=rng.choice([2, 5, 100]))
        assert (dump(ledger), portal.stats.writes) == before
        received: list[tuple[str, Any]] = []
        portal.on_request(receiver(received))
        Loader(ledger, run, Portal(client), SETTLE, 1, only=chosen(lines)).load()
    assert {line.action for line in lines} == {"create", "update", "skip"}
    # An id that a plan cannot know is that of the part which the load has created.
    ids = placeholders(ledger)
    planned = [(call.method, readable(call.method, resolve(call, ids))) for call in calls]
    assert Counter(map(json.dumps, planned)) == Counter(map(json.dumps, received))
    counted = Counter({m: n for m, n in total_calls(lines).items() if m != "crm.item.get"})
    assert counted == Counter(method for method, _ in received)


def test_the_worlds_have_every_method_and_every_case(ledger: Ledger, portal: Bitrix24) -> None:
    rng = random.Random(RICH)
    bring(ledger, portal, random_records(rng, range(CREATED_EARLIER)))
    people_edit(rng, portal)
    hold(ledger, random_records(rng, range(COMPANIES)))
    with client_of(portal) as client:
        crm = Portal(client)
        crm.check()
        lines, calls = plan(ledger, crm, size=5)
    assert {call.method for call in calls} == {
        IMPORT,
        "crm.item.update",
        "crm.requisite.add",
        "crm.requisite.update",
        "crm.address.add",
        "crm.address.update",
        "crm.requisite.bankdetail.add",
        "crm.requisite.bankdetail.update",
        "crm.contact.company.add",
    }
    assert {line.reason for line in lines} == {"", "deleted_in_crm", "company_rejected"}


def test_a_contact_without_a_company_waits(ledger: Ledger, portal: Bitrix24) -> None:
    hold(ledger, [GoldenContact("A-1", "Иванов", tins=(tin(1),))])
    with client_of(portal) as client:
        crm = Portal(client)
        crm.check()
        (line,), calls = plan(ledger, crm, size=5)
    assert (line.action, line.reason, line.calls) == ("skip", "waiting_for_company", {})
    assert calls == []


def random_records(rng: random.Random, numbers: Sequence[int]) -> list[Record]:
    companies: list[Record] = [random_company(rng, number) for number in numbers]
    contacts = [
        GoldenContact(
            f"A-{number}",
            rng.choice(["Иванов", "Петров", "Сидорова"]),
            position=rng.choice(["", "Директор", "Бухгалтер"]),
            tins=tuple(sorted(tin(n + 1) for n in rng.sample(list(numbers), rng.choice([1, 2])))),
            phones=random_values(rng, "+7921000010{}"),
            emails=random_values(rng, "i{}@firma.example"),
        )
        for number in range(CONTACTS * len(numbers) // COMPANIES)
    ]
    return [*companies, *contacts]


def random_company(rng: random.Random, number: int) -> GoldenCompany:
    key = tin(number + 1)
    kpps = rng.sample([f"{key[:4]}0100{n}" for n in range(3)], rng.choice([0, 1, 2]))
    city = rng.choice(["", "Москва", "Тверь"])
    accounts = rng.sample(
        [BankAccount("049805746", f"4060281070000000002{n}", "Банк") for n in range(3)],
        rng.choice([0, 1, 2]),
    )
    return GoldenCompany(
        key,
        f"ООО «{rng.choice(['Ромашка', 'Лютик'])}»",
        kpps=tuple(kpps),
        ogrn=rng.choice(["", "1027700132195"]),
        address=Address(f"г. {city}", "", city) if city else Address(),
        accounts=tuple(accounts),
        phones=random_values(rng, "+7812000000{}"),
        emails=random_values(rng, "info{}@firma.example"),
        site=rng.choice(["", "firma.example"]),
    )


def random_values(rng: random.Random, form: str) -> tuple[str, ...]:
    return tuple(form.format(n) for n in rng.sample(range(4), rng.choice([0, 1, 2])))


def people_edit(rng: random.Random, portal: Bitrix24) -> None:
    """Delete, change and add things in the CRM, as people do."""
    first, second, *others = portal.companies()
    portal.delete("companies", first["id"])
    portal.edit("companies", second["id"], {"title": "Наш клиент"})
    phone = {"typeId": "PHONE", "valueType": "WORK", "value": "8 (812) 000-00-01"}
    for row in rng.sample(others, 2):
        portal.edit("companies", row["id"], {"fm": [*(row["fm"] or ()), phone]})
    portal.delete("requisites", rng.choice(portal.requisites())["id"])
    for number in (CREATED_EARLIER + 1, CREATED_EARLIER + 2):
        add_company_by_hand(portal, tin(number), rng.choice([None, f"{tin(number)[:4]}01000"]))


def add_company_by_hand(portal: Bitrix24, key: str, kpp: str | None) -> None:
    company = portal.add("companies", {"title": "Завели сами"})
    presets = {row["XML_ID"]: int(row["ID"]) for row in portal.state.presets}
    owner = {"ENTITY_TYPE_ID": 4, "ENTITY_ID": company, "PRESET_ID": presets[PRESET]}
    requisite = portal.add("requisites", owner | {"NAME": "Р", "RQ_INN": key, "RQ_KPP": kpp})
    details = {"ENTITY_TYPE_ID": 8, "ENTITY_ID": requisite, "NAME": "Основной"}
    portal.add("bank_details", details | {"RQ_ACC_NUM": "40602810700000000020"})


def plan(ledger: Ledger, crm: Portal, size: int) -> tuple[list[Planned], list[RecordedCall]]:
    """The lines of a plan in chunks of ``size``, and the calls that it recorded."""
    lines: list[Planned] = []
    calls: list[RecordedCall] = []
    planner, recorder = Planner(ledger, crm), Planner(ledger, crm)
    for kind in (COMPANY, CONTACT):
        for keys in list(chunks(all_keys(ledger, kind), size)):
            planned = planner.plan(kind, pending(ledger, kind, keys))
            lines += planned
            loaded = [line.key for line in planned if line.action != SKIP]
            recording = recorder.record(kind, pending(ledger, kind, loaded))
            calls += [call for key in loaded for call in recording.calls_of(key)]
    return lines, calls


def all_keys(ledger: Ledger, kind: str) -> Sequence[str]:
    with ledger.read() as connection:
        return load_queue.golden_keys(connection, kind, "", 1000)


def pending(ledger: Ledger, kind: str, keys: Sequence[str]) -> list[PendingRecord]:
    with ledger.read() as connection:
        return load_queue.pending_records(connection, kind, keys)


def chosen(lines: Sequence[Planned]) -> dict[str, frozenset[str]]:
    return {
        kind: frozenset(line.key for line in lines if line.kind == kind and line.action != SKIP)
        for kind in (COMPANY, CONTACT)
    }


def dump(ledger: Ledger) -> dict[str, list[Any]]:
    """All that a plan must not write."""
    tables = schema.sent, schema.intents, schema.crosswalk, schema.rejected, schema.unloaded
    with ledger.read() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(sa.select(table)))) for table in tables
        }


def total_calls(lines: Sequence[Planned]) -> Counter[str]:
    total: Counter[str] = Counter()
    for line in lines:
        total.update(line.calls)
    return total


def placeholders(ledger: Ledger) -> dict[int, int]:
    """The id in the CRM that each placeholder of a plan stands for."""
    table = schema.sent.c
    query = sa.select(table.key, table.part, table.crm_id)
    with ledger.read() as connection:
        return {
            placeholder_id(key, part): crm_id for key, part, crm_id in connection.execute(query)
        }


def resolve(call: RecordedCall, ids: dict[int, int]) -> Any:
    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: walk(child) for name, child in value.items()}
        if isinstance(value, list):
            return [walk(child) for child in value]
        return ids[value] if isinstance(value, int) and value < 0 else value

    return walk(call.params)


def readable(method: str, params: Any) -> Any:
    """A call's parameters as PHP reads them."""
    query = encode_command(method, params).partition("?")[2]
    return php.parse_query(query, 100_000)


def receiver(received: list[tuple[str, Any]]) -> Callable[[Call], None]:
    """A hook that collects the writes that the portal receives, import items one by one."""

    def hook(call: Call) -> None:
        if call.moment == "before":
            for method, params in commands(call):
                if method == IMPORT:
                    items = params["data"]
                    items = items.values() if isinstance(items, dict) else items
                    received.extend((method, item) for item in items)
                elif method.endswith(WRITES):
                    received.append((method, params))

    return hook


def commands(call: Call) -> Iterator[tuple[str, Any]]:
    if call.method != "batch":
        yield call.method, readable(call.method, call.params)
        return
    for command in call.params["cmd"].values():
        method, _, query = command.partition("?")
        yield method, php.parse_query(query, 100_000)
