"""``batch`` of the strict local Bitrix24: order, errors, shapes, references."""

from test_sandbox_bitrix24 import Caller, command

EMPTY = {
    "result": [],
    "result_error": [],
    "result_total": [],
    "result_next": [],
    "result_time": [],
}


def add(title: str, **more: object) -> str:
    return command("crm.item.add", **{"entityTypeId": 4, "fields[title]": title, **more})


def test_empty_maps_come_as_lists():
    with Caller() as crm:
        assert crm.batch({}) == EMPTY
        assert crm.ok("batch") == EMPTY
        answer = crm.batch({"a": command("server.time")})
        assert (answer["result_error"], answer["result_total"], answer["result_next"]) == (
            [],
            [],
            [],
        )
        assert set(answer["result"]) == set(answer["result_time"]) == {"a"}


def test_numbered_maps_come_as_lists():
    with Caller() as crm:
        scope = ["crm", "user_basic"]
        assert crm.batch([command("scope")] * 2)["result"] == [scope, scope]
        assert crm.batch({"0": command("scope"), "1": command("no")})["result"] == [scope]
        answer = crm.batch([command("no"), command("scope")])
        assert answer["result"] == {"1": scope}
        assert answer["result_error"] == [
            {"error": "ERROR_METHOD_NOT_FOUND", "error_description": "Method not found!"}
        ]


def test_values_are_decoded_once_and_are_strings():
    with Caller() as crm:
        line = (
            "crm.item.add.json?entityTypeId=4&fields[title]=%D0%9E%D0%9E+%252B%26"
            "&fields[fm][n0][typeId]=PHONE&fields[fm][n0][value]=%2B78120000001"
        )
        item = crm.batch({"a": line})["result"]["a"]["item"]
        assert item["title"] == "ОО %2B&"
        assert item["fm"][0]["value"] == "+78120000001"
        cut = crm.batch({"a": "crm.item.add?entityTypeId=4&fields[title]=Дом #5"})
        assert cut["result"]["a"]["item"]["title"] == "Дом "


def test_commands_run_in_order_and_go_on_after_an_error():
    with Caller() as crm:
        answer = crm.batch({"a": add("А"), "b": add(""), "c": add("В")})
        assert [answer["result"][key]["item"]["id"] for key in "ac"] == [1, 2]
        assert answer["result_error"]["b"]["error"] == "CRM_FIELD_ERROR_REQUIRED"
        assert set(answer["result_time"]) == {"a", "c"}
        assert dict(crm.portal.stats.methods) == {"crm.item.add": 3, "batch": 1}
        assert dict(crm.portal.stats.refused) == {"CRM_FIELD_ERROR_REQUIRED": 1}
        assert crm.portal.stats.requests == 1


def test_halt_stops_at_the_first_error():
    with Caller() as crm:
        commands = {"a": add("А"), "b": add(""), "c": add("В")}
        assert set(crm.batch(commands, halt=1)["result"]) == {"a"}
        assert set(crm.batch(commands, halt="0")["result"]) == {"a", "c"}


def test_lists_tell_total_and_next_beside_the_result():
    with Caller() as crm:
        for _ in range(51):
            crm.portal.add("companies", {"title": "ООО"})
        whole = command("crm.item.list", **{"entityTypeId": 4, "select[]": "id"})
        uncounted = command("crm.item.list", entityTypeId=4, start=-1)
        answer = crm.batch({"a": whole, "b": uncounted})
        assert len(answer["result"]["a"]["items"]) == 50
        assert (answer["result_total"], answer["result_next"]) == ({"a": 51}, {"a": 50})


def test_commands_past_fifty_are_refused_under_200():
    with Caller() as crm:
        answer = crm.batch({f"c{n}": add(f"Номер {n}") for n in range(52)})
        assert len(answer["result"]) == len(crm.portal.companies()) == 50
        assert answer["result_error"]["c51"] == {
            "error": "ERROR_BATCH_LENGTH_EXCEEDED",
            "error_description": "Max batch length exceeded",
        }
        assert crm.violations == {"over_long_batches": 1}


def test_no_batch_in_a_batch():
    with Caller() as crm:
        answer = crm.batch({"a": "batch?cmd[b]=scope", "b": 5})
        assert answer["result"] == []
        assert answer["result_error"]["a"]["error"] == "ERROR_BATCH_METHOD_NOT_ALLOWED"
        assert crm.violations == {"nested_batches": 1}


def test_reference_to_an_earlier_result_is_followed():
    with Caller() as crm:
        linked = {"fields[lastName]": "Иванов", "fields[companyIds][]": "$result[c][item][id]"}
        crm.portal.add("companies", {"title": "Своя"})
        crm.batch({"c": add("А"), "p": command("crm.item.add", entityTypeId=3, **linked)})
        assert crm.portal.contacts()[0]["companyIds"] == [2]
        assert crm.violations == {"references": 1}


def test_reference_to_a_failed_command_is_id_one():
    with Caller() as crm:
        crm.portal.add("companies", {"title": "Чужая"})
        linked = {"fields[lastName]": "Иванов", "fields[companyIds][]": "$result[c][item][id]"}
        changed = {"id": "$result[c][item][id]", "fields[comments]": "испорчено"}
        crm.batch(
            {
                "c": add(""),
                "p": command("crm.item.add", entityTypeId=3, **linked),
                "u": command("crm.item.update", entityTypeId=4, **changed),
            }
        )
        assert crm.portal.contacts()[0]["companyIds"] == [1]
        assert crm.portal.companies()[0]["comments"] == "испорчено"


def test_reference_inside_ordinary_data_is_replaced_too():
    with Caller() as crm:
        titles = ["$result[x]", "Скидка $total[5]!", "$next[a] и $time[b]", "$error[q]"]
        answer = crm.batch({f"c{n}": add(title) for n, title in enumerate(titles)})
        assert [answer["result"][f"c{n}"]["item"]["title"] for n in (1, 2, 3)] == [
            "Скидка Array",
            "Array и Array",
            "Array",
        ]
        assert set(answer["result_error"]) == {"c0"}
        assert crm.violations == {"references": 5}


def test_reference_needs_brackets():
    with Caller() as crm:
        titles = ["$result года", "$ result[x]", "$results"]
        answer = crm.batch({f"c{n}": add(title) for n, title in enumerate(titles)})
        assert [result["item"]["title"] for result in answer["result"].values()] == titles
        assert crm.violations == {}


def test_references_are_left_alone_outside_a_batch():
    with Caller() as crm:
        crm.company(title="$result[x]")
        assert crm.portal.companies()[0]["title"] == "$result[x]"


def test_variables_of_a_command_past_the_limit_are_dropped():
    with Caller(max_vars=3) as crm:
        line = "crm.item.add?entityTypeId=4&fields[title]=A&fields[originId]=1&fields[comments]=x"
        item = crm.batch({"a": line})["result"]["a"]["item"]
        assert (item["title"], item["originId"], item["comments"]) == ("A", "1", None)


def test_import_in_a_batch():
    with Caller() as crm:
        flat = {
            "entityTypeId": 4,
            "data[0][title]": "А",
            "data[0][PHONE][0][VALUE]": "+78120000001",
            "data[0][PHONE][0][VALUE_TYPE]": "WORK",
            "data[1][title]": "",
        }
        items = crm.batch({"a": command("crm.item.batchImport", **flat)})["result"]["a"]["items"]
        assert items[0] == {"item": {"id": 1}}
        assert items[1]["error"] == "CRM_FIELD_ERROR_REQUIRED"
        assert crm.portal.companies()[0]["fm"][0]["value"] == "+78120000001"
