"""The faults of the strict local Bitrix24."""

import pytest
import requests
from test_sandbox_bitrix24 import Caller, command

from sandbox.bitrix24 import Fault

ADD = {"entityTypeId": 4, "fields": {"title": "ООО"}}


@pytest.mark.parametrize(("moment", "company_count"), [("before", 0), ("after", 1)])
def test_lost_answer(moment, company_count):
    with Caller(faults=[Fault("lost", moment=moment, times=1)]) as crm:
        with pytest.raises(requests.ConnectionError):
            crm.send("crm.item.add", **ADD)
        assert len(crm.portal.companies()) == company_count
        crm.ok("crm.item.add", **ADD)


@pytest.mark.parametrize(("moment", "company_count"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize(("kind", "status"), [("html", 502), ("error500", 500)])
def test_spoilt_answer(kind, status, moment, company_count):
    with Caller(faults=[Fault(kind, moment=moment)]) as crm:
        response = crm.send("crm.item.add", **ADD)
        assert response.status_code == status
        assert len(crm.portal.companies()) == company_count
        if kind == "html":
            assert response.headers["Content-Type"] == "text/html; charset=utf-8"
            assert response.text.startswith("<html>")
        else:
            assert response.json()["error"] == "INTERNAL_SERVER_ERROR"


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (Fault("limit"), 503, "QUERY_LIMIT_EXCEEDED"),
        (Fault("overload"), 503, "OVERLOAD_LIMIT"),
        (Fault("auth"), 401, "NO_AUTH_FOUND"),
        (Fault("auth", code="expired_token"), 401, "expired_token"),
        (Fault("denied"), 403, "insufficient_scope"),
        (Fault("denied", code="ACCESS_DENIED"), 403, "ACCESS_DENIED"),
        (Fault("operating"), 429, "OPERATION_TIME_LIMIT"),
    ],
)
def test_refused_and_not_executed(fault, status, code):
    with Caller(faults=[fault]) as crm:
        assert crm.refused("crm.item.add", **ADD)[:2] == (status, code)
        assert crm.portal.companies() == []
        assert crm.violations == {}


def test_burst_of_refusals_after_some_calls():
    with Caller(faults=[Fault("limit", skip=2, times=3)]) as crm:
        codes = [crm.send("scope").status_code for _ in range(7)]
        assert codes == [200, 200, 503, 503, 503, 200, 200]


def test_chance_is_seeded():
    def run(seed):
        with Caller(faults=[Fault("limit", probability=0.5)], seed=seed) as crm:
            return [crm.send("scope").status_code for _ in range(20)]

    assert run(1) == run(1) != run(2)
    assert set(run(1)) == {200, 503}


def test_fault_of_one_method():
    with Caller(faults=[Fault("denied", method="crm.requisite.*")]) as crm:
        crm.company()
        assert crm.refused("crm.requisite.list")[0] == 403
        answer = crm.batch({"a": command("crm.requisite.list"), "b": command("scope")})
        assert set(answer["result"]) == {"b"}
        assert answer["result_error"]["a"]["error"] == "insufficient_scope"


def test_fault_of_a_method_strikes_the_batch_that_calls_it():
    with Caller(faults=[Fault("html", method="crm.item.add")]) as crm:
        assert crm.send("batch", cmd={"a": "scope"}).status_code == 200
        assert crm.send("batch", cmd={"a": "scope", "b": "crm.item.add"}).status_code == 502


def test_operating_limit_inside_a_batch_comes_under_200():
    with Caller(faults=[Fault("operating", method="crm.item.add", skip=1)]) as crm:
        line = command("crm.item.add", **{"entityTypeId": 4, "fields[title]": "А"})
        answer = crm.batch({"a": line, "b": line, "c": command("scope")})
        assert set(answer["result"]) == {"a", "c"}
        assert answer["result_error"]["b"]["error"] == "OPERATION_TIME_LIMIT"


@pytest.mark.parametrize(
    "fault",
    [
        Fault("refuse", origins=frozenset({"2"})),
        Fault("refuse", contains="Номер 2"),
        Fault("refuse", every=2),
    ],
)
def test_refused_records(fault):
    with Caller(faults=[fault]) as crm:
        data = [{"title": f"Номер {n}", "originId": str(n)} for n in (1, 2, 3)]
        items = crm.ok("crm.item.batchImport", entityTypeId=4, data=data)["items"]
        assert ["item" in item for item in items] == [True, False, True]
        assert items[1]["error"] == "CRM_FIELD_ERROR_VALUE_NOT_VALID"


def test_refused_requisite_and_update():
    with Caller(faults=[Fault("refuse", origins=frozenset({"1", "svod-1"}), skip=1)]) as crm:
        company_id = crm.company(originId="1")
        fields = {"comments": "x"}
        refused = crm.refused("crm.item.update", entityTypeId=4, id=company_id, fields=fields)
        assert refused[:2] == (400, "CRM_FIELD_ERROR_VALUE_NOT_VALID")
        place = {"ENTITY_TYPE_ID": 4, "ENTITY_ID": company_id, "PRESET_ID": crm.preset()}
        fields = {**place, "NAME": "Юр. лицо", "XML_ID": "svod-1"}
        assert crm.refused("crm.requisite.add", fields=fields) == (400, "", "Запись не принята")


@pytest.mark.parametrize("code", ["", 0])
def test_bare_error(code):
    with Caller(faults=[Fault("bare_error", code=code)]) as crm:
        response = crm.send("crm.item.get", entityTypeId=4, id=9)
        assert response.status_code == 400
        assert response.json() == {"error": code, "error_description": "Элемент не найден"}
        error = crm.batch({"a": command("crm.item.get", entityTypeId=4, id=9)})["result_error"]
        assert error["a"]["error"] == code


def test_slow_answer_takes_the_portals_time():
    with Caller(faults=[Fault("slow", seconds=59)]) as crm:
        start = crm.portal.clock.now()
        crm.ok("scope")
        assert crm.portal.clock.now() == start + 59


def test_answer_without_time():
    with Caller(faults=[Fault("no_time")]) as crm:
        assert set(crm.full("scope")) == {"result"}
    with Caller(faults=[Fault("no_operating")]) as crm:
        assert set(crm.full("scope")["time"]) & {"operating", "operating_reset_at"} == set()


def test_renamed_portal():
    with Caller(faults=[Fault("redirect")]) as crm:
        response = crm.send("crm.item.add", **ADD)
        assert (response.status_code, response.headers["Location"]) == (
            302,
            "/renamed/rest/1/secretcode/crm.item.add",
        )
        moved = crm.portal.url + response.headers["Location"]
        assert crm.session.post(moved, json=ADD, timeout=10).status_code == 200
        assert crm.violations == {}
        url = crm.portal.webhook + "crm.item.add"
        followed = crm.session.post(url, json=ADD, timeout=10)
        assert (followed.request.method, followed.status_code) == ("GET", 400)
        assert crm.violations == {"get_requests": 1, "followed_redirects": 1}
        assert len(crm.portal.companies()) == 1


def test_faults_are_set_over_http():
    with Caller() as crm:
        url = crm.portal.url + "/_sandbox/faults"
        fault = {"kind": "auth", "code": "expired_token", "skip": 1}
        assert crm.session.post(url, json=[fault], timeout=10).status_code == 200
        crm.ok("scope")
        assert crm.refused("scope")[1] == "expired_token"
        bad = crm.session.post(url, json=[{"kind": "auth", "sometimes": 1}], timeout=10)
        assert (bad.status_code, bad.json()["error"]) == (400, "BAD_FAULTS")
        crm.session.post(url, json=[], timeout=10)
        crm.ok("scope")
