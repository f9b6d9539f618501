"""The golden record of a person: which value wins."""

from tests.helpers.matching_rows import BOX, MOBILE, OTHER, row
from transforms.core.golden_records import GoldenContact
from transforms.matching.golden_contact import merge_contact


def test_a_golden_contact_takes_the_newest_good_value_of_each_field() -> None:
    rows = [
        row("1", "Иванов П. -", MOBILE, at=3, position="Директор"),
        row(
            "2", "Иванов Пётр Сергеевич", OTHER, MOBILE, BOX, at=2, source="B", position="Менеджер"
        ),
        row("3", "Иванова Пётр С.", at=1),
    ]
    expected = (
        GoldenContact(
            "A-1", "Иванов", "Пётр", "Сергеевич", "Директор", ("T", "U"), (MOBILE, OTHER), (BOX,)
        ),
        {
            "last_name": "A:1",
            "first_name": "B:2",
            "middle_name": "B:2",
            "position": "A:1",
            "phones": "A:1 B:2",
            "emails": "B:2",
        },
    )
    assert merge_contact("A-1", rows, ["U", "T", "U"]) == expected
    assert merge_contact("A-1", rows[::-1], ["T", "U"]) == expected
    # An initial is better than nothing.
    assert merge_contact("A-1", rows[:1], ["T"])[0].first_name == "П."


def test_a_contact_bears_a_mailbox_once_in_its_newest_form() -> None:
    rows = [
        row("1", "Иванов Пётр", "ivan@ya.ru", at=1),
        row("2", "Иванов Пётр", "Ivan@yandex.ru", at=2),
    ]
    for ordered in (rows, rows[::-1]):
        golden, provenance = merge_contact("A-1", ordered, ["T"])
        assert (golden.emails, provenance["emails"]) == (("Ivan@yandex.ru",), "A:2")
