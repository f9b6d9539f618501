"""The portal's limits: requests a second, working time of a method, time of a request."""

import time

from test_sandbox_bitrix24 import Caller, command

from sandbox.bitrix24.limits import Clock, OperatingTime

BUSY = (429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")
FULL = (503, "QUERY_LIMIT_EXCEEDED", "Too many requests")


def spent(crm: Caller) -> dict[str, float]:
    return crm.session.get(crm.portal.url + "/_sandbox/stats", timeout=10).json()["operating"]


def test_request_over_the_burst_is_refused_and_not_executed():
    with Caller() as crm:
        for _ in range(49):
            crm.ok("scope")
        crm.company()
        added = {"entityTypeId": 4, "fields": {"title": "Лишняя"}}
        assert crm.refused("crm.item.add", **added) == FULL
        assert len(crm.portal.companies()) == 1
        assert crm.violations == {"over_rate": 1}
        assert dict(crm.portal.stats.refused) == {"QUERY_LIMIT_EXCEEDED": 1}


def test_bucket_drains_two_a_second():
    with Caller() as crm:
        for _ in range(50):
            crm.ok("scope")
        crm.portal.clock.advance(0.4)
        assert crm.refused("scope") == FULL
        crm.portal.clock.advance(0.7)
        crm.ok("scope")
        crm.ok("scope")
        assert crm.refused("scope") == FULL


def test_batch_is_one_request():
    with Caller(burst=2) as crm:
        crm.batch([command("scope")] * 50)
        crm.batch([command("scope")] * 50)
        assert crm.refused("scope") == FULL


def test_limits_can_be_left_out():
    with Caller(limits=False, burst=1, operating=0) as crm:
        for _ in range(3):
            assert "operating" not in crm.full("scope")["time"]


def test_call_that_crosses_the_line_completes_and_the_next_is_refused():
    with Caller(operating=0.1, costs={"crm.item.add": (0.08, 0.0)}) as crm:
        crm.company()
        crm.company()
        added = {"entityTypeId": 4, "fields": {"title": "Лишняя"}}
        assert crm.refused("crm.item.add", **added) == BUSY
        assert len(crm.portal.companies()) == 2
        crm.ok("crm.item.get", entityTypeId=4, id=1)
        assert crm.violations == {"over_operating": 1}


def test_operating_is_the_sum_so_far_and_falls_bucket_by_bucket():
    with Caller(costs={"scope": (100.0, 0.0)}, operating=300) as crm:
        clock, start = crm.portal.clock, crm.portal.clock.now()
        sums = []
        for pause in (0, 59, 1, 500):
            clock.advance(pause)
            sums.append(crm.send("scope"))
        # 100 s of work is over a minute: each answer is lost, the work is counted all the same.
        assert [answer.status_code for answer in sums] == [504] * 4
        assert crm.refused("scope") == BUSY
        assert spent(crm) == {"scope": 400.0}
        clock.advance(start + 600 - clock.now())
        assert spent(crm) == {"scope": 200.0}
        assert crm.send("scope").status_code == 504


def test_reset_time_is_ten_minutes_after_the_first_call_of_the_oldest_bucket():
    clock = Clock(speed=0)
    work, start = OperatingTime(clock, limit=480), clock.now()
    assert work.charge("m", 1.0)["operating"] == 1.0
    clock.advance(90)
    charge = work.charge("m", 2.0)
    assert charge["operating"] == 3.0
    assert start + 600 <= charge["operating_reset_at"] < start + 601
    clock.advance(510)
    charge = work.charge("m", 4.0)
    assert charge["operating"] == 6.0
    assert start + 690 <= charge["operating_reset_at"] < start + 691


def test_fast_clock_tells_times_of_the_clients_own_clock():
    clock = Clock(speed=600)
    charge = OperatingTime(clock, limit=480).charge("m", 1.0)
    assert charge["operating_reset_at"] - time.time() < 3
    assert clock.now() - time.time() < 600


def test_batch_bills_its_commands_to_their_own_methods():
    with Caller(operating=0.1, costs={"crm.item.get": (0.09, 0.0)}) as crm:
        crm.company()
        get = command("crm.item.get", entityTypeId=4, id=1)
        answer = crm.full("batch", cmd={"a": get, "b": get, "c": get, "d": command("scope")})
        assert "operating" not in answer["time"]
        result = answer["result"]
        assert list(result["result"]) == ["a", "b", "d"]
        assert result["result_error"] == {
            "c": {"error": "OPERATION_TIME_LIMIT", "error_description": BUSY[2]}
        }
        assert result["result_time"]["b"]["operating"] == 0.18
        assert crm.refused("crm.item.get", entityTypeId=4, id=1) == BUSY


def test_batch_can_be_billed_itself():
    with Caller(operating=0.1, billing="batch", costs={"scope": (0.06, 0.0)}) as crm:
        answer = crm.full("batch", cmd=[command("scope")] * 2)
        assert answer["time"]["operating"] == 0.12
        assert "operating" not in answer["result"]["result_time"][0]
        assert crm.refused("batch", cmd=[command("scope")]) == BUSY
        crm.ok("scope")


def test_import_costs_by_the_record():
    with Caller() as crm:
        data = [{"title": f"Номер {n}"} for n in range(20)]
        answer = crm.full("crm.item.batchImport", entityTypeId=4, data=data)
        assert answer["time"]["operating"] == 1.0


def test_work_over_a_minute_is_done_but_its_answer_is_lost():
    with Caller(costs={"crm.item.add": (1.3, 0.0)}) as crm:
        add = command("crm.item.add", **{"entityTypeId": 4, "fields[title]": "Долгая"})
        response = crm.send("batch", cmd=[add] * 50)
        assert (response.status_code, response.headers["Content-Type"]) == (
            504,
            "text/html; charset=utf-8",
        )
        assert len(crm.portal.companies()) == 50
        assert crm.violations == {"over_60_seconds": 1}


def test_portal_can_take_the_time_it_bills():
    with Caller(sleep=True, costs={"scope": (40.0, 0.0)}) as crm:
        start = crm.portal.clock.now()
        crm.ok("scope")
        assert crm.portal.clock.now() == start + 40
