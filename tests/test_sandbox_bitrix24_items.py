"""Companies and contacts in the strict local Bitrix24: ``crm.item.*`` and the links."""

import pytest
from test_sandbox_bitrix24 import Caller

NOT_FOUND = (400, "NOT_FOUND", "Элемент не найден")


def phone(value: str, **more: str) -> dict[str, str]:
    return {"typeId": "PHONE", "valueType": "WORK", "value": value, **more}


def values(crm: Caller, company_id: int = 1) -> list[str]:
    item = crm.ok("crm.item.get", entityTypeId=4, id=company_id)["item"]
    return [value["value"] for value in item["fm"]]


def update(crm: Caller, company_id: int = 1, **fields: object) -> dict[str, object]:
    return crm.ok("crm.item.update", entityTypeId=4, id=company_id, fields=fields)["item"]


def test_fields_are_in_camel_case_with_their_kind():
    with Caller(custom_fields=["ufCrm_1731000001"]) as crm:
        fields = crm.ok("crm.item.fields", entityTypeId=4)["fields"]
        assert fields["title"] == {
            "type": "string",
            "isRequired": True,
            "isReadOnly": False,
            "isImmutable": False,
            "isMultiple": False,
            "isDynamic": False,
            "title": "title",
            "upperName": "TITLE",
        }
        assert fields["id"]["isReadOnly"] is True
        assert fields["fm"]["isMultiple"] is True
        assert fields["originVersion"]["upperName"] == "ORIGIN_VERSION"
        assert fields["ufCrm_1731000001"]["isDynamic"] is True
        assert "lastName" not in fields
        contact = crm.ok("crm.item.fields", entityTypeId=3)["fields"]
        assert {"name", "secondName", "lastName", "post", "companyIds", "companyId"} <= set(contact)
        assert "title" not in contact


@pytest.mark.parametrize("method", ["fields", "list", "get", "add", "update", "delete"])
def test_unknown_entity_type_is_refused(method):
    with Caller() as crm:
        params = {"entityTypeId": 2, "id": 1, "fields": {}}
        assert crm.refused(f"crm.item.{method}", **params)[:2] == (400, "NOT_FOUND")


def test_add_gives_the_whole_item_and_drops_unknown_fields():
    with Caller() as crm:
        fields = {"title": "ООО", "TITLE": "x", "phones": [], "id": 9, "originId": "7707083893"}
        item = crm.ok("crm.item.add", entityTypeId=4, fields=fields)["item"]
        assert (item["id"], item["title"], item["originId"]) == (1, "ООО", "7707083893")
        assert (item["originatorId"], item["fm"], item["entityTypeId"]) == (None, [], 4)
        assert (item["opened"], item["assignedById"]) == ("Y", 1)
        assert crm.violations == {"unknown_fields": 3}
        assert dict(crm.portal.stats.unknown_fields) == {
            "companies.TITLE": 1,
            "companies.phones": 1,
            "companies.id": 1,
        }


def test_name_is_required():
    with Caller() as crm:
        code = (400, "CRM_FIELD_ERROR_REQUIRED")
        nameless = {"title": "", "originId": "1"}
        assert crm.refused("crm.item.add", entityTypeId=4, fields=nameless)[:2] == code
        assert crm.refused("crm.item.add", entityTypeId=3, fields={"secondName": "П"})[:2] == code
        crm.contact(lastName="", name="Пётр")
        crm.company()
        emptied = {"entityTypeId": 4, "id": 1, "fields": {"title": ""}}
        assert crm.refused("crm.item.update", **emptied)[:2] == code
        assert crm.portal.companies()[0]["title"] == "ООО «Ромашка»"


@pytest.mark.parametrize(
    ("entity_type", "name", "length"),
    [(4, "title", 255), (4, "originId", 255), (3, "lastName", 50), (3, "post", 255)],
)
def test_text_longer_than_the_column_is_refused(entity_type, name, length):
    with Caller() as crm:
        fields = {"title": "ООО", "lastName": "Иванов"}
        fits = {**fields, name: "я" * length}
        crm.ok("crm.item.add", entityTypeId=entity_type, fields=fits)
        long = {**fields, name: "я" * (length + 1)}
        assert crm.refused("crm.item.add", entityTypeId=entity_type, fields=long) == (
            400,
            "CRM_FIELD_ERROR_VALUE_NOT_VALID",
            f'Значение поля "{name}" длиннее {length} символов.',
        )


def test_nothing_refuses_a_duplicate_but_it_is_counted():
    with Caller() as crm:
        origin = {"originatorId": "svod", "originId": "7707083893"}
        assert [crm.company(**origin), crm.company(**origin)] == [1, 2]
        crm.company(originatorId="other", originId="7707083893")
        assert crm.violations == {"duplicates": 1}
        assert crm.portal.state.duplicates("companies") == {"7707083893": [1, 2, 3]}


def test_update_changes_only_what_is_sent_and_counts_what_is_emptied():
    with Caller() as crm:
        crm.company(comments="старое", originVersion="1")
        item = update(crm, comments="0")
        assert (item["comments"], item["originVersion"]) == (None, "1")
        assert crm.violations == {"emptied_fields": 1}
        update(crm, originVersion="1")
        assert crm.violations == {"emptied_fields": 1, "unchanged_updates": 1}
        assert crm.portal.stats.writes == 2
        missing = {"entityTypeId": 4, "id": 9, "fields": {"comments": "x"}}
        assert crm.refused("crm.item.update", **missing) == NOT_FOUND


def test_delete_takes_requisites_and_links_with_it():
    with Caller() as crm:
        company_id = crm.company()
        contact_id = crm.contact(companyIds=[company_id])
        crm.requisite(company_id)
        assert crm.ok("crm.item.delete", entityTypeId=4, id=company_id) == []
        assert crm.refused("crm.item.get", entityTypeId=4, id=company_id) == NOT_FOUND
        assert crm.portal.requisites() == []
        item = crm.ok("crm.item.get", entityTypeId=3, id=contact_id)["item"]
        assert (item["companyId"], item["companyIds"]) == (None, [])
        assert crm.violations == {"deleted": 1}


def test_phones_come_with_ids_of_their_own():
    with Caller() as crm:
        crm.company(fm=[phone("+78120000001"), {"typeId": "EMAIL", "value": "a@example.ru"}])
        phone_entry, email_entry = crm.ok("crm.item.get", entityTypeId=4, id=1)["item"]["fm"]
        assert email_entry.pop("id") == phone_entry.pop("id") + 1
        assert phone_entry == phone("+78120000001")
        assert email_entry == {"typeId": "EMAIL", "valueType": "OTHER", "value": "a@example.ru"}


def test_phones_in_an_update_are_added_changed_and_deleted_by_key():
    with Caller() as crm:
        crm.company(fm=[phone("+78120000001"), phone("+78120000002")])
        first_phone, second_phone = crm.ok("crm.item.get", entityTypeId=4, id=1)["item"]["fm"]
        update(
            crm,
            fm={
                "n0": phone("+78120000003"),
                str(first_phone["id"]): {"value": "+78120000009"},
                str(second_phone["id"]): {"typeId": "PHONE", "value": ""},
            },
        )
        assert values(crm) == ["+78120000009", "+78120000003"]
        assert crm.violations == {}


def test_list_of_phones_sent_again_adds_them_again():
    with Caller() as crm:
        crm.company(fm=[phone("+78120000001")])
        update(crm, fm=[phone("+78120000001")])
        assert values(crm) == ["+78120000001", "+78120000001"]
        assert crm.violations == {"repeated_values": 1}


def test_bad_phones():
    with Caller() as crm:
        crm.company(fm=[phone("  "), phone("1", typeId="FAX"), "text"])
        assert values(crm) == []
        assert crm.violations == {"unknown_fields": 1}
        long = {"title": "ООО", "fm": [phone("9" * 251)]}
        assert crm.refused("crm.item.add", entityTypeId=4, fields=long)[0] == 400


def test_contact_is_linked_to_companies_that_exist():
    with Caller() as crm:
        crm.company()
        crm.company()
        crm.contact(companyIds=["2", 1, 99])
        item = crm.ok("crm.item.get", entityTypeId=3, id=1)["item"]
        assert (item["companyIds"], item["companyId"]) == ([2, 1], 2)
        assert crm.violations == {"bad_links": 1}
        crm.contact(companyId=1)
        assert crm.portal.contacts()[1]["companyIds"] == [1]
        assert crm.refused("crm.item.add", entityTypeId=3, fields={"companyIds": "1"}) == (
            400,
            "100",
            "Expected iterable value for multiple field, but got str instead",
        )


def test_company_ids_in_an_update_wipe_links_that_people_made():
    with Caller() as crm:
        crm.company()
        crm.company()
        crm.contact(companyIds=[1])
        crm.portal.edit("contacts", 1, {"companyIds": [1, 2]})
        crm.ok("crm.item.update", entityTypeId=3, id=1, fields={"companyIds": [1]})
        assert crm.portal.contacts()[0]["companyIds"] == [1]
        assert crm.violations == {"links_wiped": 1}


def test_links_are_added_read_deleted_and_set():
    with Caller() as crm:
        for _ in range(3):
            crm.company()
        crm.contact(companyIds=[1])

        def link(verb, company_id):
            return crm.ok(f"crm.contact.company.{verb}", id=1, fields={"COMPANY_ID": company_id})

        assert [link("add", 2), link("add", 2), link("add", 99)] == [True, False, True]
        assert crm.ok("crm.contact.company.items.get", id="1") == [
            {"COMPANY_ID": 1, "SORT": 10, "ROLE_ID": 0, "IS_PRIMARY": "Y"},
            {"COMPANY_ID": 2, "SORT": 20, "ROLE_ID": 0, "IS_PRIMARY": "N"},
        ]
        assert crm.violations == {"bad_links": 1}
        assert [link("delete", 1), link("delete", 1)] == [True, False]
        assert crm.portal.contacts()[0]["companyId"] == 2
        assert crm.ok("crm.contact.company.items.set", id=1, items=[{"COMPANY_ID": 3}]) is True
        assert crm.portal.contacts()[0]["companyIds"] == [3]
        assert crm.violations == {"bad_links": 1, "links_wiped": 2}


def test_links_are_refused_with_an_empty_error():
    with Caller() as crm:
        crm.contact()
        method = "crm.contact.company.add"
        assert crm.refused(method, id=9, fields={"COMPANY_ID": 1}) == (400, "", "Not found")
        assert crm.refused(method, id=1, fields={})[:2] == (400, "")
        assert crm.refused(method, fields={"COMPANY_ID": 1})[:2] == (400, "")


def test_import_answers_for_each_record_in_order():
    with Caller() as crm:
        data = [
            {"title": "А", "PHONE": [{"VALUE": "+78120000001", "VALUE_TYPE": "WORK"}]},
            {"originId": "1"},
            {"title": "Б", "fm": [phone("+78120000002")], "EMAIL": {"n0": {"VALUE": "b@e.ru"}}},
        ]
        items = crm.ok("crm.item.batchImport", entityTypeId=4, data=data)["items"]
        assert items == [
            {"item": {"id": 1}},
            {
                "error": "CRM_FIELD_ERROR_REQUIRED",
                "error_description": 'Не заполнено обязательное поле "title"',
            },
            {"item": {"id": 2}},
        ]
        assert (values(crm, 1), values(crm, 2)) == (["+78120000001"], ["b@e.ru"])
        assert dict(crm.portal.stats.unknown_fields) == {"companies.fm": 1}
        assert crm.portal.stats.writes == 2


def test_import_of_more_than_twenty_is_refused_whole():
    with Caller() as crm:
        data = [{"title": "ООО"}] * 21
        assert crm.refused("crm.item.batchImport", entityTypeId=4, data=data) == (
            400,
            "MAX_IMPORT_BATCH_SIZE_EXCEEDED",
            "You can only import 20 items at a time",
        )
        assert crm.portal.companies() == []


def test_import_links_contacts_and_accepts_duplicates():
    with Caller() as crm:
        crm.company()
        contact = {"lastName": "Иванов", "originatorId": "svod", "originId": "c1"}
        data = [{**contact, "companyIds": [1, 7]}, contact]
        crm.ok("crm.item.batchImport", entityTypeId=3, data=data)
        assert [row["companyIds"] for row in crm.portal.contacts()] == [[1], None]
        assert crm.violations == {"bad_links": 1, "duplicates": 1}


def listed(crm: Caller, **params: object) -> list[int]:
    page = crm.ok("crm.item.list", entityTypeId=4, **params)
    return [item["id"] for item in page["items"]]


def test_list_finds_by_origin_and_selects():
    with Caller() as crm:
        for n in range(3):
            crm.company(originatorId="svod", originId=str(n), originVersion="v")
        crm.company(originatorId="other", originId="1")
        answer = crm.full(
            "crm.item.list",
            entityTypeId=4,
            select=["id", "originId", "nothing"],
            filter={"=originatorId": "svod", "@originId": ["2", "1", "9"]},
            order={"id": "ASC"},
            start=-1,
        )
        assert answer["result"] == {
            "items": [{"id": 2, "originId": "1"}, {"id": 3, "originId": "2"}]
        }
        assert set(answer) == {"result", "time"}


def test_list_pages_by_fifty():
    with Caller(limits=False) as crm:
        for n in range(0, 120, 20):
            data = [{"title": f"Номер {n + i}"} for i in range(20)]
            crm.ok("crm.item.batchImport", entityTypeId=4, data=data)

        def page(**params):
            answer = crm.full("crm.item.list", entityTypeId=4, select=["id"], **params)
            ids = [item["id"] for item in answer["result"]["items"]]
            return ids[0], len(ids), answer.get("next"), answer.get("total")

        assert page() == (1, 50, 50, 120)
        assert page(start=50) == (51, 50, 100, 120)
        assert page(start=100) == (101, 20, None, 120)
        assert page(start=-1) == (1, 50, None, None)
        walk = {"start": -1, "order": {"id": "ASC"}}
        assert page(filter={">id": 50}, **walk) == (51, 50, None, None)
        assert page(filter={">id": "100"}, **walk) == (101, 20, None, None)
        assert page(order={"id": "DESC"}) == (120, 50, 50, 120)
        assert page(order={"id": "desc"}, start=-1) == (120, 50, None, None)


def test_list_filters():
    with Caller() as crm:
        for title, version in (("Альфа", "1"), ("Бета", ""), ("Альбатрос", "2")):
            crm.company(title=title, originVersion=version)
        assert listed(crm, filter={"title": "Бета"}) == [2]
        assert listed(crm, filter={"!=title": "Бета"}) == [1, 3]
        assert listed(crm, filter={"%title": "аль"}) == [1, 3]
        assert listed(crm, filter={"=originVersion": ""}) == [2]
        assert listed(crm, filter={"!originVersion": ""}) == [1, 3]
        assert listed(crm, filter={"@id": [3, 1, 8]}) == [1, 3]
        assert listed(crm, filter={">=id": 2, "<id": 3}) == [2]
        assert listed(crm, order={"title": "ASC"}) == [3, 1, 2]
        assert listed(crm, filter={"@id": []}) == []


def test_list_gives_phones_only_when_asked():
    with Caller() as crm:
        crm.company(fm=[phone("+78120000001")])
        item = crm.ok("crm.item.list", entityTypeId=4)["items"][0]
        assert (item["title"], "fm" in item) == ("ООО «Ромашка»", False)
        item = crm.ok("crm.item.list", entityTypeId=4, select=["fm"])["items"][0]
        assert (set(item), item["fm"][0]["value"]) == ({"id", "fm"}, "+78120000001")


def test_list_refuses_unknown_fields_and_long_filters():
    with Caller() as crm:
        unknown = crm.refused("crm.item.list", entityTypeId=4, filter={"=ORIGIN_ID": "1"})
        assert unknown == (
            400,
            "INVALID_ARG_VALUE",
            "Invalid filter: field '=ORIGIN_ID' is not allowed in filter",
        )
        origins = [str(n) for n in range(51)]
        crm.ok("crm.item.list", entityTypeId=4, filter={"@originId": origins[:50]})
        long = crm.refused("crm.item.list", entityTypeId=4, filter={"@originId": origins})
        assert long[:2] == (400, "INVALID_ARG_VALUE")
        assert crm.refused("crm.item.list", entityTypeId=4, order={"x": "ASC"})[0] == 400
        assert crm.refused("crm.item.list", entityTypeId=4, order={"id": "UP"})[0] == 400
        assert crm.violations == {"unknown_filters": 2, "filters_too_long": 1}
