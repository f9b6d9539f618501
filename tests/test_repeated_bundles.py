"""Engines repeat bundles and restart jobs: a step done again, whole or in part, changes nothing.

A bundle is repeated here as an engine does it: what the first attempt returned is thrown away, what
it wrote stays.
"""

import random
from collections.abc import Iterator
from contextlib import closing
from functools import wraps
from itertools import islice
from typing import Any

import pytest

from pipeline import options
from pipeline import run as pipeline_run
from sandbox.world.world import World
from tests.helpers.expected_crm import differences
from tests.helpers.installation import PACE, Installation, party, tin
from transforms import check_register, consolidate, load, remember
from transforms import stages as run_stages
from transforms.core.identity import Run
from transforms.ledger.accounting import WorkLostError, check_nothing_lost
from transforms.ledger.database import open_ledger
from transforms.ledger.lock import LedgerLockedError
from transforms.ledger.progress import stages
from transforms.ledger.rows.rebuild_marks import mark_stale_companies
from transforms.ledger.runs import start_run
from transforms.ledger_fn import LedgerFn

WORLD = World(11, 0.0015)
Attempts = tuple[int | None, ...]
"""How far the attempts at a bundle go whose outputs are lost: so many outputs; None: to the end."""

REPEATS: dict[str, Attempts] = {
    "twice": (None,),
    "cut": (1,),
    "cut and twice": (0, 2, None),
}
STEPS: dict[str, type[LedgerFn]] = {
    "count": remember._CountReadFn,
    "remember": remember._RememberFn,
    "refuse gone rows": remember._RefuseGoneFn,
    "resume": remember._ResumeFn,
    "ask": check_register._AskFn,
    "companies": consolidate._CompaniesFn,
    "contacts of refused companies": consolidate._FindContactsFn,
    "resolve": consolidate._ResolveFn,
    "connect": consolidate._ConnectFn,
    "persons": consolidate._PersonsFn,
    "load": load._LoadFn,
}


def repeat(patch: pytest.MonkeyPatch, fn: type[LedgerFn], attempts: Attempts) -> None:
    """Let each bundle of the step be done again after attempts whose outputs are lost."""
    process = fn.process

    @wraps(process)
    def repeated(self: LedgerFn, element: Any) -> Iterator[Any]:
        for length in attempts:
            list(islice(process(self, element), length))
        yield from process(self, element)

    patch.setattr(fn, "process", repeated)


def snapshot(place: Installation) -> dict[str, Any]:
    """What the CRM holds, without its own ids, and each row's outcome in the ledger."""
    tins = {item["id"]: item["originId"] for item in place.portal.companies()}
    companies = {item["originId"]: _shown(item, "title") for item in place.portal.companies()}
    contacts = {
        item["originId"]: (
            *_shown(item, "lastName", "name", "secondName", "post"),
            *sorted(tins[number] for number in item["companyIds"]),
        )
        for item in place.portal.contacts()
    }
    outcomes = {
        query: sorted(place.rows(query))
        for query in (
            "SELECT kind, key, source, source_id FROM members",
            "SELECT source, source_id, reason FROM invalid_companies",
            "SELECT source, source_id, reason FROM invalid_contacts",
            "SELECT kind, source, source_id, reason FROM deferred",
        )
    }
    return {"companies": companies, "contacts": contacts, **outcomes}


def _shown(item: dict[str, Any], *names: str) -> tuple[Any, ...]:
    values = sorted((value["typeId"], value["value"]) for value in item["fm"])
    return (*(item[name] for name in names), *values)


def counts(place: Installation) -> dict[str, tuple[int, int | None]]:
    """The records done and their total, by the stage of the last run's progress."""
    with closing(open_ledger(place.ledger)) as ledger, ledger.read() as connection:
        ((run_id,),) = place.rows("SELECT run_id FROM runs ORDER BY run_seq DESC LIMIT 1")
        return {stage.stage: (stage.done, stage.total) for stage in stages(connection, run_id)}


def change(place: Installation) -> None:
    """Rows that change: another TIN, another phone, a moved contact; rows that are deleted."""
    place.know([*WORLD.register(), party(tin(900), "Новая"), party(tin(901), "Другая")])
    companies = [row[0] for row in sorted(place_companies(place))]
    place.change("companies", companies[0], inn=tin(900))
    place.change("companies", companies[1], inn=tin(900))
    place.change("companies", companies[2], phone="8 812 700-00-01")
    place.change("companies", companies[3], is_deleted=1)
    place.change("contacts", 1, company_id=companies[0], phone="+7 921 700-00-02")
    place.change("contacts", 2, is_deleted=1)
    place.change("contacts", 3, company_id=companies[4], email="changed@roga.example")
    place.sql("DELETE FROM contacts WHERE id IN (5, 6)")
    for number in companies[5:7]:
        place.sql("DELETE FROM orders WHERE company_id = %s", number)
        place.sql("DELETE FROM companies WHERE id = %s", number)


def place_companies(place: Installation) -> list[tuple[Any, ...]]:
    """The ids of store A's companies that are members of the base."""
    query = "SELECT CAST(source_id AS INTEGER) FROM members WHERE kind = 'company' AND source = 'A'"
    return place.rows(query)


@pytest.fixture(scope="module")
def expected() -> dict[str, dict[str, Any]]:
    return {}


@pytest.mark.parametrize("how", ["never", *REPEATS])
def test_a_load_and_a_delta_whose_bundles_are_repeated_end_as_without(
    how: str,
    place: Installation,
    expected: dict[str, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for fn in STEPS.values():
        if how != "never":
            repeat(monkeypatch, fn, REPEATS[how])
    place.fill(WORLD)
    assert place.full().code in (0, 3)
    assert differences(WORLD, place.ledger, place.portal) == []
    loaded, progress = snapshot(place), counts(place)
    assert progress["read"] == (1290, None)
    assert progress["remember"] == (1290, 1290)
    change(place)
    assert place.full().code in (0, 3)
    changed = snapshot(place)
    assert changed["companies"].keys() != loaded["companies"].keys()
    if how == "never":
        expected |= {"loaded": loaded, "changed": changed, "progress": progress}
    else:
        assert progress == expected["progress"]
        assert loaded == expected["loaded"]
        assert changed == expected["changed"]


@pytest.mark.parametrize("step", STEPS)
def test_a_job_that_an_engine_restarts_ends_as_without(
    step: str,
    place: Installation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The job fails in a step, after it wrote, and is done again whole within the same run."""
    fn, chance = STEPS[step], random.Random(step)
    process, execute = fn.process, pipeline_run.run_graph
    left = [chance.randrange(1, 3)]

    @wraps(process)
    def failing(self: LedgerFn, element: Any) -> Iterator[Any]:
        yield from process(self, element)
        left[0] -= 1
        if left[0] == 0:
            raise ConnectionError("the task manager is gone")

    def restarted(*arguments: Any, **options: Any) -> None:
        try:
            execute(*arguments, **options)
        except Exception:
            if left[0] > 0:
                raise
            execute(*arguments, **options)

    monkeypatch.setattr(fn, "process", failing)
    monkeypatch.setattr(pipeline_run, "run_graph", restarted)
    place.fill(WORLD)
    ended = place.full()
    assert ended.code in (0, 3), ended.err
    assert differences(WORLD, place.ledger, place.portal) == []
    assert all(done == total for done, total in counts(place).values() if total is not None)
    assert counts(place)["read"] == (1290, None)


def test_a_job_that_outlives_its_run_writes_nothing(
    place: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine goes on with a job whose command has ended; the next run takes its work up."""
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    with closing(open_ledger(place.ledger)) as ledger:
        fn = remember._ResumeFn(options.LEDGER, start_run(ledger, "full"))
        fn.setup()
        fn.start_bundle()
        start_run(ledger, "full")
        with pytest.raises(LedgerLockedError, match="another run has begun"):
            fn.start_bundle()
        fn.teardown()


def test_a_change_that_an_outlived_job_has_marked_is_not_settled_over(place: Installation) -> None:
    place.company(1, tin(1), name="ООО Рога")
    place.know([party(tin(1), "Рога")])
    assert place.full(sources=["store_a"]).code == 0
    with closing(open_ledger(place.ledger)) as ledger:
        first = Run("of before", 1, "")
        run = start_run(ledger, "delta")
        ledger.transact(lambda connection: mark_stale_companies(connection, first, [tin(1)]))
        with ledger.read() as connection, pytest.raises(WorkLostError, match="1 changed companies"):
            check_nothing_lost(connection, run)
    assert place.delta().code == 0


def lose_touched_keys(patch: pytest.MonkeyPatch) -> None:
    """Plant the fault: rows are remembered, and what they touch gets lost on the way."""
    process = remember._RememberFn.process

    @wraps(process)
    def lost(self: LedgerFn, element: Any) -> Iterator[Any]:
        list(process(self, element))
        yield from ()

    patch.setattr(remember._RememberFn, "process", lost)


def test_a_run_that_lost_rows_fails_and_the_next_one_is_exact(
    place: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.fill(WORLD)
    with monkeypatch.context() as patch:
        lose_touched_keys(patch)
        ended = place.full()
    assert ended.code == 1
    assert "the engine lost a part of its own work" in ended.err
    assert "254 company rows, 953 contact rows" in ended.err
    assert place.portal.companies() == []
    assert place.rows("SELECT status, settled FROM runs") == [("failed", 0)]
    assert place.delta().code in (0, 3)
    assert differences(WORLD, place.ledger, place.portal) == []


def test_a_plan_that_lost_rows_fails(place: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    place.fill(WORLD)
    lose_touched_keys(monkeypatch)
    files = f"--store_b_files={place.files}/*.json*"
    ended = place.svod("plan", "--mode=full", files, f"--plan={place.folder}/plan.jsonl", *PACE)
    assert ended.code == 1
    assert "the engine lost a part of its own work" in ended.err


def test_a_run_that_lost_changes_of_known_rows_fails_and_the_next_one_is_exact(
    place: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.company(1, tin(1), name="ООО Рога")
    place.contact(1, 1, phone="+7 921 700-00-01")
    place.know([party(tin(1), "Рога"), party(tin(2), "Копыта")])
    assert place.full(sources=["store_a"]).code == 0
    place.change("companies", 1, inn=tin(2))
    place.change("contacts", 1, phone="+7 921 700-00-02")
    with monkeypatch.context() as patch:
        lose_touched_keys(patch)
        ended = place.delta()
    assert ended.code == 1
    assert "2 changed companies, 1 changed contact rows" in ended.err
    assert place.delta().code == 0
    assert tin(2) in place.titles()
    (contact,) = place.portal.contacts()
    assert [value["value"] for value in contact["fm"]] == ["+79217000002"]


def test_rows_that_a_settled_run_has_lost_are_found_by_the_next_full_loads(
    place: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As commit 9148ef9 left its ledgers on a cluster: every later full load of it failed alike."""
    place.fill(WORLD)
    with monkeypatch.context() as patch:
        lose_touched_keys(patch)
        patch.setattr(run_stages, "check_nothing_lost", lambda *_: None)
        assert place.full().code == 1
    assert place.rows("SELECT settled FROM runs") == [(1,)]
    assert place.full().code == 1
    assert place.full().code in (0, 3)
    assert differences(WORLD, place.ledger, place.portal) == []
