"""The mapping of records to Bitrix24, and the fields that are sent again."""

from typing import Any

import pytest

from tests.helpers.golden_load import BOTH, FULL, IVANOV, PLAIN, changed
from transforms.core.records import Address
from transforms.crm.api import mapping
from transforms.crm.loading import three_way_diff

PRESETS = {mapping.ORGANISATION_PRESET: 5, mapping.INDIVIDUAL_PRESET: 7}


def test_a_company_and_its_parts() -> None:
    assert mapping.company_item(FULL) == {
        "title": "ООО «Ромашка»",
        "PHONE": [
            {"VALUE": "+78121234567;ext=12", "VALUE_TYPE": "WORK"},
            {"VALUE": "+79211234567", "VALUE_TYPE": "MOBILE"},
        ],
        "EMAIL": [{"VALUE": "info@romashka.example", "VALUE_TYPE": "WORK"}],
        "WEB": [{"VALUE": "romashka.example", "VALUE_TYPE": "WORK"}],
    }
    assert list(mapping.requisites(FULL, PRESETS)) == [
        "svod-7805746764-780501001",
        "svod-7805746764-784201001",
    ]
    assert mapping.address(changed(FULL, address=Address())) == {}


def test_what_is_not_known_is_not_sent() -> None:
    assert mapping.company_item(PLAIN) == {"title": "ИП Сидоркин"}
    assert mapping.contact_item(BOTH) == {"lastName": "Сидоркин", "name": "Лев"}
    assert mapping.requisites(PLAIN, PRESETS) == {
        "svod-500000000100": {
            "PRESET_ID": 7,
            "NAME": "ИП Сидоркин",
            "RQ_INN": "500000000100",
            "RQ_OGRNIP": "320000000000040",
            "RQ_COMPANY_NAME": "ИП Сидоркин",
        }
    }
    assert mapping.bank_details(PLAIN) == {}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (("Иванов", "", ""), {"lastName": "Иванов"}),
        (("", "Пётр", "Сергеевич"), {"name": "Пётр", "secondName": "Сергеевич"}),
        (("", "", "Сергеевич"), {"name": "Сергеевич", "secondName": "Сергеевич"}),
        (("Иванов", "", "Сергеевич"), {"lastName": "Иванов", "secondName": "Сергеевич"}),
    ],
)
def test_a_contact_has_a_last_or_a_first_name(
    parts: tuple[str, str, str], expected: dict[str, str]
) -> None:
    last, first, middle = parts
    person = changed(BOTH, last_name=last, first_name=first, middle_name=middle)
    assert mapping.contact_item(person) == expected


def test_texts_fit_and_are_defused() -> None:
    long = changed(FULL, title="$result[c1] " + "Ж" * 300, full_name="О" * 400, director="Д" * 400)
    fields = mapping.requisites(long, PRESETS)["svod-7805746764-780501001"]
    assert {name: len(str(value)) for name, value in fields.items()} == {
        "PRESET_ID": 1,
        "NAME": 255,
        "RQ_INN": 10,
        "RQ_KPP": 9,
        "RQ_OGRN": 13,
        "RQ_COMPANY_NAME": 255,
        "RQ_COMPANY_FULL_NAME": 300,
        "RQ_DIRECTOR": 150,
    }
    assert fields["NAME"].startswith("＄result[c1] Ж")
    person = changed(IVANOV, last_name="И" * 90, position="Ю" * 300, emails=("$next@x.example",))
    item = mapping.contact_item(person)
    assert (len(item["lastName"]), len(item["post"])) == (50, 255)
    assert item["EMAIL"] == [{"VALUE": "＄next@x.example", "VALUE_TYPE": "WORK"}]


def phones(*numbers: int) -> dict[str, Any]:
    return {"PHONE": [{"VALUE": f"+{n}", "VALUE_TYPE": "WORK"} for n in numbers]} if numbers else {}


def held(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": 600 + n, "typeId": "PHONE", "value": f"+{n}"} for n in numbers]


@pytest.mark.parametrize(
    ("before", "after", "there", "added", "removed"),
    [
        ((1,), (1,), (1,), [], []),
        ((1,), (1, 2), (1,), [2], []),
        ((1,), (2,), (1,), [2], [1]),
        ((1, 2), (2,), (1, 2, 3), [], [1]),
        ((1,), (1, 3), (1, 3), [], []),  # a person was faster
        ((1, 2), (1, 2, 3), (2,), [3], []),  # a person removed 1
        ((1,), (2,), (), [2], []),  # a person removed all
        ((1,), (), (1,), [], []),  # never emptied
        ((), (1,), (), [1], []),
        ((), (1,), (2,), [1], []),
    ],
)
def test_phones_are_changed_three_way(
    before: tuple[int, ...],
    after: tuple[int, ...],
    there: tuple[int, ...],
    added: list[int],
    removed: list[int],
) -> None:
    sent = three_way_diff.value_changes(phones(*before), phones(*after), held(*there))
    added_values = [value["value"] for key, value in sent.items() if key.startswith("n")]
    assert added_values == [f"+{n}" for n in added]
    removed_ids = [key for key, value in sent.items() if value["value"] == ""]
    assert removed_ids == [str(600 + n) for n in removed]
    if sent:
        assert three_way_diff.differ_in_values(phones(*before), phones(*after))


def test_a_phone_is_no_e_mail() -> None:
    values = [{"id": 1, "typeId": "EMAIL", "value": "+1"}]
    assert three_way_diff.value_changes(phones(1), phones(2), values) == {
        "n0": {"typeId": "PHONE", "valueType": "WORK", "value": "+2"}
    }


def test_only_changed_fields_are_sent_and_lists_never() -> None:
    before = {"title": "А", "post": "Б", "companyIds": [1]} | phones(1)
    after = {"title": "В", "post": "Б", "companyIds": [1, 2], "name": "Г"} | phones(2)
    assert three_way_diff.changed_fields(before, after) == {"title": "В", "name": "Г"}


def test_what_is_ours_there_after_an_update() -> None:
    before = {"title": "А", "companyIds": [1]} | phones(1)
    assert three_way_diff.sent_after(before, {"title": "В", "companyIds": [2]}) == {
        "title": "В",
        "companyIds": [1],
    } | phones(1)
    assert three_way_diff.sent_after(before, {"title": "В"} | phones(2)) == {"title": "В"} | phones(
        2
    )


def test_an_update_in_doubt_is_neither_believed_nor_forgotten() -> None:
    in_doubt = {"title": "В", "fm": {"n0": {"typeId": "PHONE", "valueType": "WORK", "value": "+2"}}}
    before = three_way_diff.without_doubts({"title": "А", "post": "Б"} | phones(1), in_doubt)
    first = {"title": "А", "post": "Б"} | phones(1)
    assert three_way_diff.changed_fields(before, first) == {"title": "А"}
    assert three_way_diff.differ_in_values(before, first)
    removal = {"602": {"typeId": "PHONE", "valueType": "WORK", "value": ""}}
    assert three_way_diff.value_changes(before, first, held(1, 2)) == removal
    assert three_way_diff.value_changes(before, first, held(1)) == {}
    both_phones = first | phones(1, 2)
    assert three_way_diff.value_changes(before, both_phones, held(1, 2)) == {}
    assert three_way_diff.value_changes(before, both_phones, held(1)) == in_doubt["fm"]
    assert three_way_diff.sent_after(before, both_phones) == both_phones
