"""The strict local Bitrix24 over HTTP: transport, the key, inspection, the command line."""

import http.client
import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from sandbox.bitrix24 import Bitrix24, Call


class Caller:
    """A portal with a plain client, both open inside ``with``; its clock stands still."""

    def __init__(self, **options: Any) -> None:
        self.portal = Bitrix24(**{"speed": 0, **options})

    def __enter__(self) -> "Caller":
        self.portal.__enter__()
        self.session = requests.Session()
        return self

    def __exit__(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType
    ) -> None:
        self.session.close()
        self.portal.__exit__(kind, error, trace)

    def send(self, method: str, **params: Any) -> requests.Response:
        return self.session.post(
            self.portal.webhook + method, json=params, allow_redirects=False, timeout=10
        )

    def full(self, method: str, **params: Any) -> Any:
        response = self.send(method, **params)
        assert response.status_code == 200, response.text
        return response.json()

    def ok(self, method: str, **params: Any) -> Any:
        return self.full(method, **params)["result"]

    def refused(self, method: str, **params: Any) -> tuple[int, str | int, str]:
        response = self.send(method, **params)
        assert set(response.json()) == {"error", "error_description"}
        return response.status_code, response.json()["error"], response.json()["error_description"]

    def batch(self, cmd: Any, halt: Any = 0) -> Any:
        return self.ok("batch", halt=halt, cmd=cmd)

    def company(self, **fields: Any) -> int:
        values = {"title": "ООО «Ромашка»", **fields}
        return self.ok("crm.item.add", entityTypeId=4, fields=values)["item"]["id"]

    def contact(self, **fields: Any) -> int:
        values = {"lastName": "Иванов", **fields}
        return self.ok("crm.item.add", entityTypeId=3, fields=values)["item"]["id"]

    def preset(self, xml_id: str = "#CRM_REQUISITE_PRESET_DEF_RU_COMPANY#") -> str:
        return self.ok("crm.requisite.preset.list", filter={"XML_ID": xml_id})[0]["ID"]

    def requisite(self, company_id: int, **fields: Any) -> int:
        place = {"ENTITY_TYPE_ID": 4, "ENTITY_ID": company_id, "PRESET_ID": self.preset()}
        return self.ok("crm.requisite.add", fields={**place, "NAME": "Юр. лицо", **fields})

    @property
    def violations(self) -> dict[str, int]:
        return dict(self.portal.stats.violations)


def command(method: str, **flat: Any) -> str:
    return f"{method}?{urlencode(flat)}"


def test_success_has_result_and_time():
    with Caller() as crm:
        answer = crm.full("scope")
        assert answer["result"] == ["crm", "user_basic"]
        now = crm.portal.clock.now()
        reset_at = answer["time"].pop("operating_reset_at")
        assert now + 600 <= reset_at < now + 601
        assert set(answer["time"]) == {
            "start", "finish", "duration", "processing", "date_start", "date_finish", "operating"
        }  # fmt: skip
        assert answer["time"]["operating"] == 0.02


def test_small_methods():
    with Caller() as crm:
        assert crm.ok("profile")["ID"] == "1"
        assert crm.ok("user.current")["ID"] == "1"
        assert crm.ok("app.info")["SCOPE"] == ["crm", "user_basic"]
        assert crm.ok("server.time").endswith("+03:00")


@pytest.mark.parametrize("method", ["scope", "scope.json", "SCOPE", "scope/"])
def test_method_is_found_in_any_spelling(method):
    with Caller() as crm:
        assert crm.ok(method) == ["crm", "user_basic"]
        assert dict(crm.portal.stats.methods) == {"scope": 1}


def test_unknown_method_is_404():
    with Caller() as crm:
        assert crm.refused("crm.nothing") == (404, "ERROR_METHOD_NOT_FOUND", "Method not found!")


def test_wrong_code_is_401_json():
    with Caller() as crm:
        wrong = crm.portal.webhook.replace("secretcode", "wrong")
        response = crm.session.post(wrong + "scope", json={}, timeout=10)
        assert response.status_code == 401
        assert response.json()["error"] == "INVALID_CREDENTIALS"
        assert dict(crm.portal.stats.methods) == {}


def test_broken_json_is_no_parameters():
    with Caller() as crm:
        url, headers = crm.portal.webhook, {"Content-Type": "application/json"}
        response = crm.session.post(url + "batch", data=b'{"cmd":', headers=headers, timeout=10)
        assert response.status_code == 200
        assert response.json()["result"]["result"] == []
        response = crm.session.post(url + "crm.item.add", data=b"{", headers=headers, timeout=10)
        assert response.status_code == 400
        assert response.json()["error_description"] == (
            "Could not find value for parameter {entityTypeId}"
        )
        assert crm.violations == {"broken_json": 2}


def test_form_and_get_are_accepted_and_get_is_noticed():
    with Caller() as crm:
        url, form = crm.portal.webhook + "crm.item.add", "entityTypeId=4&fields[title]=A+B"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        response = crm.session.post(url, data=form, headers=headers, timeout=10)
        assert response.json()["result"]["item"]["title"] == "A B"
        assert crm.violations == {}
        response = crm.session.get(f"{url}?{form}", timeout=10)
        assert response.json()["result"]["item"]["id"] == 2
        assert crm.violations == {"get_requests": 1}


def test_connection_is_kept_alive():
    with Caller() as crm:
        port = int(crm.portal.url.rpartition(":")[2])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.connect()
        opened = connection.sock
        for _ in range(3):
            connection.request("POST", "/rest/1/secretcode/scope", b"{}")
            assert connection.getresponse().read().startswith(b'{"result"')
        assert connection.sock is opened
        connection.close()


def test_many_clients_at_once():
    with Caller(limits=False) as crm, ThreadPoolExecutor(8) as pool:
        data = [{"title": "ООО", "originatorId": "svod", "originId": f"c{n}"} for n in range(20)]
        answers = pool.map(
            lambda _: crm.ok("crm.item.batchImport", entityTypeId=4, data=data), range(40)
        )
        ids = [item["item"]["id"] for answer in answers for item in answer["items"]]
        assert sorted(ids) == list(range(1, 801))
        assert (crm.portal.stats.requests, crm.portal.stats.writes) == (40, 800)
        assert crm.violations == {"duplicates": 780}


def test_hook_sees_both_moments_and_can_cut_the_line():
    with Caller() as crm:
        calls: list[Call] = []

        def hook(call: Call) -> None:
            calls.append(call)
            if (call.number, call.moment) == (2, "after"):
                raise RuntimeError

        crm.portal.on_request(hook)
        crm.company()
        with pytest.raises(requests.ConnectionError):
            crm.company(title="Вторая")
        assert [(c.number, c.moment, c.method) for c in calls] == [
            (1, "before", "crm.item.add"),
            (1, "after", "crm.item.add"),
            (2, "before", "crm.item.add"),
            (2, "after", "crm.item.add"),
        ]
        assert calls[0].params["fields"] == {"title": "ООО «Ромашка»"}
        assert [row["title"] for row in crm.portal.companies()] == ["ООО «Ромашка»", "Вторая"]


def test_state_is_told_whole_and_in_pages():
    with Caller() as crm:
        for title in ("А", "Б", "В"):
            crm.company(title=title)
        url = crm.portal.url + "/_sandbox/state"
        whole = crm.session.get(url, timeout=10).json()
        assert [row["title"] for row in whole["companies"]] == ["А", "Б", "В"]
        assert whole["contacts"] == whole["requisites"] == whole["bank_details"] == []
        page = crm.session.get(url + "?entity=companies&after=1&limit=1", timeout=10).json()
        assert ([row["title"] for row in page["items"]], page["next"]) == (["Б"], 2)
        assert crm.session.get(url + "?entity=deals", timeout=10).status_code == 404


def test_stats_clock_and_reset():
    with Caller() as crm:
        crm.company(origin="x")
        url = crm.portal.url + "/_sandbox/"
        stats = crm.session.get(url + "stats", timeout=10).json()
        assert (stats["requests"], stats["writes"]) == (1, 1)
        assert stats["written"] == {"crm.item.add": 1}
        assert stats["unknown_fields"] == {"companies.origin": 1}
        assert stats["records"]["companies"] == 1
        assert stats["operating"] == {"crm.item.add": 0.08}
        before = crm.session.get(url + "clock", timeout=10).json()
        assert before["speed"] == 0
        after = crm.session.post(url + "clock", json={"advance": 600}, timeout=10).json()
        assert after["now"] == before["now"] + 600
        crm.session.post(url + "reset", timeout=10)
        stats = crm.session.get(url + "stats", timeout=10).json()
        assert (stats["requests"], stats["records"]["companies"]) == (0, 0)
        assert stats["operating"] == {}
        assert crm.session.get(crm.portal.url + "/nothing", timeout=10).status_code == 404


def test_state_file_outlives_the_portal(tmp_path):
    file = tmp_path / "portal.json"
    with Caller(state_file=file, seed=1) as crm:
        crm.company(originId="7707083893", fm=[{"typeId": "PHONE", "value": "+78120000001"}])
        crm.portal.delete("companies", crm.company())
        preset, companies = crm.preset(), crm.portal.companies()
    assert json.loads(file.read_bytes())["next_ids"]["companies"] == 3
    with Caller(state_file=file, seed=2) as crm:
        assert crm.portal.companies() == companies
        assert [row["id"] for row in crm.portal.find("companies", "originId", "7707083893")] == [1]
        assert crm.preset() == preset
        assert crm.company() == 3


def test_person_adds_edits_and_deletes_without_being_blamed():
    with Caller() as crm:
        portal = crm.portal
        phone = {"typeId": "PHONE", "valueType": "WORK", "value": "+78120000001"}
        company_id = portal.add("companies", {"title": "Своя", "fm": [phone]})
        contact_id = portal.add("contacts", {"lastName": "Петров", "companyIds": [company_id]})
        portal.edit("contacts", contact_id, {"post": "директор"})
        portal.edit("companies", company_id, {"title": "Наша"})
        shown = crm.ok("crm.item.get", entityTypeId=3, id=contact_id)["item"]
        assert (shown["post"], shown["companyId"]) == ("директор", company_id)
        shown = crm.ok("crm.item.get", entityTypeId=4, id=company_id)["item"]
        assert shown["title"] == "Наша"
        assert [value["value"] for value in shown["fm"]] == ["+78120000001"]
        requisite_id = crm.requisite(company_id)
        bank = {"ENTITY_ID": requisite_id, "NAME": "Счёт"}
        crm.ok("crm.requisite.bankdetail.add", fields=bank)
        place = {"TYPE_ID": 6, "ENTITY_TYPE_ID": 8, "ENTITY_ID": requisite_id}
        crm.ok("crm.address.add", fields=place)
        portal.delete("companies", company_id)
        assert portal.companies() == portal.requisites() == []
        assert portal.bank_details() == portal.addresses() == []
        assert portal.contacts()[0]["companyIds"] == []
        assert crm.violations == {}
        with pytest.raises(KeyError):
            portal.edit("companies", 99, {"title": "Нет"})


def test_page_shows_and_searches():
    with Caller() as crm:
        company_id = crm.company(
            title="ООО «<Ромашка>»", originatorId="svod", originId="7707083893"
        )
        requisite_id = crm.requisite(company_id, RQ_INN="7707083893", RQ_KPP="770701001")
        bank = {"ENTITY_ID": requisite_id, "NAME": "Счёт", "RQ_ACC_NUM": "40602810700000000025"}
        crm.ok("crm.requisite.bankdetail.add", fields=bank)
        crm.contact(name="Пётр", companyIds=[company_id])
        for n in range(25):
            crm.company(title=f"АО «Номер {n}»")

        def page(**params):
            return crm.session.get(crm.portal.url + "/", params=params, timeout=10).text

        first = page()
        assert "ООО «&lt;Ромашка&gt;»" in first
        assert "<Ромашка>" not in first
        for text in ("770701001", "40602810700000000025", "Иванов Пётр"):
            assert text in first
        assert first.count("<article>") == 20
        assert page(page="1").count("<article>") == 6
        assert page(q="7707083893").count("<article>") == 1
        assert page(q="номер 2").count("<article>") == 6
        assert page(q="такого нет").count("<article>") == 0
        assert "ООО «&lt;Ромашка&gt;»" in page(kind="contacts", q="иванов")


def test_command_line_serves_until_it_is_stopped(tmp_path):
    file = tmp_path / "portal.json"
    options = ["--port", "0", "--speed", "60", "--code", "abc", "--no_limits", "--state", str(file)]
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.bitrix24", *options], stdout=subprocess.PIPE, text=True
    )
    with process:
        webhook = process.stdout.readline().strip()
        answer = requests.post(webhook + "scope", json={}, timeout=10).json()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    assert webhook.endswith("/rest/1/abc/")
    assert answer["result"] == ["crm", "user_basic"]
    assert "operating" not in answer["time"]
    assert json.loads(file.read_bytes())["companies"] == []
