"""A store's records as its configuration maps them: each line of the contract."""

import json
import pickle
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from transforms.clean_batch import clean_batch
from transforms.configuration.builtin import SECOND_STORE, built_in_configuration
from transforms.configuration.structs import StoreTable
from transforms.core.golden_records import Sourced
from transforms.core.outcomes import OUTSIDE
from transforms.core.records import (
    COMPANY,
    CONTACT,
    Address,
    BankAccount,
    Company,
    Contact,
    Orders,
    Row,
    decode_company,
    decode_contact,
    decode_rows,
)
from transforms.matching.golden_company import merge_company
from transforms.register.answer import Answer
from transforms.stores.mapping.cleaners import CompiledStore, compile_store
from transforms.stores.mapping.exclusions import Outside, Unusable
from transforms.stores.registry import rules_of
from transforms.stores.two_stores import clean_partner

TIN, TIN_B = "7805746764", "7707083893"


def store(kind: str = "json", **tables: Any) -> CompiledStore:
    file = {"full": {"kind": kind, "files": ["x"]}, **tables}
    return compile_store("S", msgspec.convert(file, StoreTable))


def company_row(mapping: dict[str, Any], record: dict[str, Any], kind: str = "json") -> Row:
    company = {"id": "id", "tin": "tin", **mapping}
    row = store(kind, company=company).cleaners[COMPANY]({"id": 1, "tin": TIN, **record})
    assert isinstance(row, Row)
    return row


def company(mapping: dict[str, Any], record: dict[str, Any], kind: str = "json") -> Company:
    return decode_company(company_row(mapping, record, kind).payload)


def contact_row(mapping: dict[str, Any], record: dict[str, Any], **top: Any) -> Row:
    table = {"id": "id", "company": "firm", "name": "fio", **mapping}
    record = {"id": 1, "firm": "17", "fio": "Иванов Пётр", **record}
    row = store(contact=table, **top).cleaners[CONTACT](record)
    assert isinstance(row, Row)
    return row


def contact(mapping: dict[str, Any], record: dict[str, Any], **top: Any) -> Contact:
    return decode_contact(contact_row(mapping, record, **top).payload)


@pytest.mark.parametrize("kind", ["mysql", "postgresql", "csv", "xlsx"])
@pytest.mark.parametrize("column", ["Name", "NAME", "name"])
def test_a_column_is_named_letter_for_letter_then_without_regard_to_case(kind, column):
    assert company({"name": "Name"}, {column: "Ромашка"}, kind).name == "Ромашка"
    both = {"NAME": "Роза", "Name": "Ромашка", "name": "Лилия"}
    assert company({"name": "Name"}, both, kind).name == "Ромашка"


def test_each_file_has_its_own_columns():
    clean = store("csv", company={"id": "id", "tin": "tin", "phones": "phone"}).cleaners[COMPANY]
    records = [
        {"id": "1", "tin": TIN},
        {"id": "1", "tin": TIN, "PHONE": "8 921 123-45-67"},
        {"ID": "1", "TIN": TIN, "phone": "8 921 123-45-67"},
        {"id": "1", "tin": TIN, "x": "8 921 123-45-67"},
        {"id": "1", "tin": TIN, "phone": "8 921 123-45-67"},
    ]
    for _ in range(2):
        phones = [decode_company(clean(record).payload).phones for record in records]
        assert phones == [(), ("+79211234567",), ("+79211234567",), (), ("+79211234567",)]


def test_a_name_in_a_file_is_no_code():
    name = "'+exec('import os')+'"
    assert company({"name": name}, {name: "Ромашка"}, "csv").name == "Ромашка"


def test_a_list_of_names_is_one_text():
    names = {"name": ["n1", "n2", "n3"], "full_name": ["n1", "n2"]}
    found = company(names, {"n1": "ООО Торговый дом", "n2": "Ромашка", "n3": None})
    assert (found.name, found.full_name) == (
        "ООО «Торговый дом Ромашка»",
        "ООО Торговый дом Ромашка",
    )
    assert company({"name": ["n1", "n2"]}, {"n2": "Ромашка"}).name == "Ромашка"
    assert company({"name": ["n1", "n2"]}, {"n1": "Цех", "n2": 5}).name == "Цех 5"


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_a_list_of_phones_emails_and_numbers_gives_all_of_them(kind):
    mapping = {
        "tin": ["tin", "tin2"],
        "kpp": ["k1", "k2"],
        "ogrn": ["o1", "o2"],
        "phones": ["p1", "p2", "p3"],
        "emails": ["e1", "e2"],
    }
    record = {
        "tin": None,
        "tin2": TIN,
        "k1": "780501001",
        "k2": "784201001",
        "o1": "",
        "o2": "1197847066020",
        "p1": "8 921 123-45-67",
        "p2": None,
        "p3": "8 812 123-45-67",
        "e1": "a@mail.ru",
        "e2": "b@mail.ru, c@mail.ru",
    }
    found = company(mapping, record, kind)
    assert (found.tin, found.kpps, found.ogrn) == (
        TIN,
        ("780501001", "784201001"),
        "1197847066020",
    )
    assert found.phones == ("+79211234567", "+78121234567")
    assert found.emails == ("a@mail.ru", "b@mail.ru", "c@mail.ru")


def test_two_different_tins_are_no_company():
    row = company_row({"tin": ["tin", "tin2"]}, {"tin2": TIN_B}, "csv")
    assert row.reason == "bad_tin_format"


def test_a_constant_is_every_records():
    mapping = {
        "legal_form": {"constant": "ООО"},
        "name": "n",
        "orders": {"count": "c", "total": "t", "currency": {"constant": "USD"}},
    }
    found = company(mapping, {"n": "Ромашка", "c": 2, "t": "5"})
    assert found.name == "ООО «Ромашка»"
    assert [(note.field, note.problem) for note in found.notes] == [("orders", "not_in_roubles")]


@pytest.mark.parametrize("kind", ["json", "csv", "mysql"])
@pytest.mark.parametrize(
    ("only", "inside", "outside"),
    [
        ({"is": ["org", 2]}, ["org", " ORG ", 2, "2", 2.0], ["person", None, "", 3, "orgs"]),
        ({"is_not": ["person"]}, ["org", None, ""], ["person", " Person"]),
        ({"filled": True}, ["x", 0], [None, "", " "]),
        ({"filled": False}, [None, "", " "], ["x", 0]),
        ({"is": [True]}, [True, "true", 1, "1"], [False, 0, None]),
        ({"filled": True, "is_not": ["a"]}, ["b"], ["a", None]),
    ],
)
def test_only(kind, only, inside, outside):
    table = {"id": "id", "tin": "tin", "only": {"field": "kind", **only}}
    clean = store(kind, company=table).cleaners[COMPANY]
    for value in inside:
        assert isinstance(clean({"id": 1, "tin": TIN, "kind": value}), Row), value
    for value in outside:
        found = clean({"id": 1, "tin": TIN, "kind": value})
        assert isinstance(found, Outside), value
        assert (found.kind, found.source_id) == (COMPANY, "1")


def test_a_record_outside_is_not_counted_and_goes_to_the_ledger_as_such():
    table = {"id": "id", "tin": "tin", "only": {"field": "kind", "is": ["org"]}}
    clean = store("csv", company=table).cleaners[COMPANY]
    kinds = ("org", "person", "org")
    batch = clean_batch(
        [{"id": n, "tin": TIN, "kind": kind} for n, kind in enumerate(kinds)], clean
    )
    assert (len(batch), batch.dead_letters) == (2, [])
    rows = [row for part in batch.parts for row in decode_rows(part.rows)]
    assert sorted((row.source_id, row.reason) for row in rows) == [
        ("0", ""),
        ("1", OUTSIDE),
        ("2", ""),
    ]


def test_a_record_without_an_id_is_a_dead_letter():
    clean = store("csv", company={"id": "id", "tin": "tin"}).cleaners[COMPANY]
    batch = clean_batch([{"id": " ", "tin": TIN}, {"id": None, "tin": TIN}], clean)
    assert len(batch) == 0
    assert [(letter.origin, letter.reason) for letter in batch.dead_letters] == [("S", "no_id")] * 2
    assert json.loads(batch.dead_letters[0].raw) == {"id": " ", "tin": TIN}


def test_two_tables_of_one_place():
    tables = {
        "company": {"id": "no", "tin": "tin", "only": {"field": "kind", "is": ["org"]}},
        "contact": {
            "id": "no",
            "company": "of",
            "name": "fio",
            "only": {"field": "kind", "is": ["person"]},
        },
    }
    clean = store(**tables).records
    assert clean({"no": 1, "kind": "ORG", "tin": TIN}).kind == COMPANY
    assert clean({"no": 1, "kind": "person", "of": "1", "fio": "Пётр"}).kind == CONTACT
    left_out = clean({"no": 1, "kind": "thing"})
    assert isinstance(left_out, Outside)
    assert (left_out.kind, left_out.source_id) == ("", "1")
    assert isinstance(clean({"kind": "org"}), Unusable)
    assert isinstance(clean([1]), Unusable)
    both = store(company={"id": "no", "tin": "tin"}, contact=tables["contact"] | {"only": None})
    rows = both.records({"no": 1, "tin": TIN, "of": "1", "fio": "Пётр"})
    assert [row.kind for row in rows] == [COMPANY, CONTACT]
    assert len(clean_batch([{"no": 1, "tin": TIN, "of": "1", "fio": "Пётр"}], both.records)) == 2


@pytest.mark.parametrize(
    ("value", "text", "number"),
    [
        (1, "1", "0000000001"),
        ("1", "1", "0000000001"),
        ("0000000001", "0000000001", "0000000001"),
        ("000000000001", "000000000001", "0000000001"),
        (17.0, "17", "0000000017"),
        (Decimal("17"), "17", "0000000017"),
        (" K-17 ", "K-17", "K-17"),
        (UUID(int=7), str(UUID(int=7)), str(UUID(int=7))),
    ],
)
def test_ids(value, text, number):
    record = {"id": value, "firm": value}
    plain, padded = contact_row({}, record), contact_row({}, record, id_form="digits:10")
    assert (plain.source_id, padded.source_id) == (text, number)
    assert decode_contact(plain.payload).company_ids == (text,)
    assert decode_contact(padded.payload).company_ids == (number,)


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        (["17", 18], ("17", "18")),
        ("17, 18;19", ("17", "18", "19")),
        ("A/17", ("A/17",)),
        ("17 18", ("17 18",)),
        (0, ()),
        ("0", ()),
        (None, ()),
        ([{"no": "17"}, {"no": "17"}], ("17",)),
    ],
)
def test_companies_of_a_contact(value, ids):
    assert contact({}, {"firm": value}).company_ids == ids


def test_ids_that_are_numbers_are_parted_by_any_sign():
    found = contact({}, {"firm": "17 18/19,20"}, id_form="digits:2")
    assert (found.company_ids, found.notes) == (("17", "18", "19", "20"), ())


def test_a_path_to_many_companies():
    firms = [{"no": "17"}, {"no": "18"}]
    assert contact({"company": "firms[].no"}, {"firms": firms}).company_ids == ("17", "18")
    assert contact({"company": ["a", "b"]}, {"a": "17", "b": "18"}).company_ids == ("17", "18")


def test_the_ids_of_another_stores_companies_have_its_form():
    configuration = msgspec.structs.replace(
        built_in_configuration(),
        store={
            **built_in_configuration().store,
            "S": msgspec.convert(
                {
                    "contact": {
                        "id": "id",
                        "company": "firm",
                        "name": "fio",
                        "company_store": SECOND_STORE,
                    }
                },
                StoreTable,
            ),
        },
    )
    row = rules_of(configuration, "S").cleaners[CONTACT]({"id": "7", "firm": 17, "fio": "Пётр"})
    assert (row.source_id, decode_contact(row.payload).company_ids) == ("7", ("0000000017",))


def test_a_whole_name_stands_for_missing_parts():
    whole = {"name": "fio", "last_name": "l", "first_name": "f"}
    found = contact(whole, {"fio": "Иванов Пётр Ильич", "l": None, "f": ""})
    assert (found.last_name, found.first_name, found.middle_name) == ("Иванов", "Пётр", "Ильич")
    found = contact(whole, {"fio": "Петров Лев", "l": "Иванов", "f": "Пётр"})
    assert (found.last_name, found.first_name) == ("Иванов", "Пётр")


def test_an_address_of_text_and_parts():
    parts = {"text": "t", "postal_code": "z", "region": "r", "city": "c"}
    record = {"t": "198096, г. Псков, ул. Мира, д. 5", "z": "180000", "c": "Псков", "r": None}
    assert company({"address": parts}, record).address == Address(
        "198096, г. Псков, ул. Мира, д. 5", "180000", "", "Псков"
    )
    assert company({"address": {"text": "t"}}, record, "csv").address.postal_code == "198096"
    line = {"city": "c", "street": "s", "house": "h"}
    record = {"c": "Псков", "s": "ул. Мира", "h": 5}
    assert company({"address": line}, record, "csv").address.text == "Псков, ул. Мира, д. 5"


def test_the_preferred_address_of_several():
    mapping = {"each": "list", "text": "line", "prefer": {"field": "use", "is": ["legal"]}}
    record = {"list": [{"use": "post", "line": "Луга"}, {"use": " LEGAL", "line": "Псков"}]}
    found = company({"address": mapping}, record)
    assert found.address.text == "Псков"
    assert [(note.problem, note.value) for note in found.notes] == [("not_used", "Луга")]
    first = {"each": "list", "text": "line"}
    assert company({"address": first}, record).address.text == "Луга"
    assert company({"address": first}, {"list": {"line": "Луга"}}).address.text == "Луга"
    assert company({"address": first}, {"list": "Луга"}).address.text == "Луга"


ACCOUNT = {"b": "044030653", "a": "40702810755000000001", "n": "ПАО Сбербанк"}
BANK = {"bik": "b", "account": "a", "bank": "n"}
FOUND = (BankAccount("044030653", "40702810755000000001", "ПАО Сбербанк", ""),)


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_a_bank_account_in_columns(kind):
    assert company({"bank": BANK}, ACCOUNT, kind).accounts == FOUND
    second = {"bik": "b2", "account": "a2"}
    assert company({"bank": [BANK, second]}, ACCOUNT, kind).accounts == FOUND


def test_bank_accounts_of_a_list():
    mapping = {"bank": {"each": "x.banks", **BANK}}
    assert company(mapping, {"x": {"banks": [ACCOUNT, ACCOUNT]}}).accounts == FOUND
    assert company(mapping, {"x": {"banks": ACCOUNT}}).accounts == FOUND
    [note] = company(mapping, {"x": {"banks": ["Сбербанк"]}}).notes
    assert (note.field, note.problem) == ("account", "wrong_type")


@pytest.mark.parametrize("kind", ["json", "csv", "mysql"])
def test_sums_of_orders(kind):
    mapping = {"orders": {"count": "n", "total": "sum", "last_at": "last", "currency": "cur"}}
    record = {"n": "3", "sum": "1 000,50", "last": "02.03.2024 23:00", "cur": "RUB"}
    assert company(mapping, record, kind).orders == Orders(3, 100050, "2024-03-02")


def test_sums_that_a_reader_has_made():
    table = {"id": "id", "tin": "tin"}
    clean = store("mysql", company=table, order={"id": "id", "company": "c"}).cleaners[COMPANY]
    sums = {"orders_count": 2, "orders_total": Decimal("10.50"), "orders_last_at": None}
    for record in (sums, {}, {**sums, "orders_currency": "USD"}, sums):
        found = decode_company(clean({"id": 1, "tin": TIN, **record}).payload).orders
        total = 0 if "orders_currency" in record else 1050
        assert found == (Orders(2, total) if record else None)


def test_extra_is_kept_as_clean_text():
    mapping = {"extra": {"segment": "abc", "born": "b", "empty": "e", "list": ["l", "m"]}}
    record = {"abc": " A  1\u200b", "b": "007", "e": " ", "l": 7.0, "m": True}
    found = company(mapping, record)
    assert found.extra == (("born", "007"), ("list", "7 true"), ("segment", "A 1"))
    assert contact({"extra": {"tag": "t"}}, {"t": ["a", "b"]}).extra == (("tag", "a, b"),)
    [note] = company({"extra": {"x": "x"}}, {"x": {"y": 1}}).notes
    assert (note.field, note.problem) == ("extra.x", "wrong_type")


def test_the_newest_extra_of_each_name_wins():
    def sourced(source: str, changed_at: int, **extra: str) -> Sourced[Company]:
        record = Company(TIN, extra=tuple(sorted(extra.items())))
        return Sourced(source, "1", changed_at, record)

    rows = [sourced("A", 1, a="old", b="B"), sourced("B", 2, a="new")]
    golden, provenance = merge_company(rows, Answer(TIN, "ACTIVE"))
    assert golden.extra == (("a", "new"), ("b", "B"))
    assert (provenance["extra.a"], provenance["extra.b"]) == ("B:1", "A:1")


def test_tax_numbers_of_a_list_are_told_from_each_other():
    mapping = {
        "tin": "numbers[?kind=='vat'].value",
        "kpp": "numbers[?kind=='kpp'].value",
        "extra": {"vat": "numbers[?kind=='vat'].value", "okpo": "numbers[?kind=='okpo'].value"},
    }
    numbers = [{"kind": "vat", "value": TIN}, {"kind": "okpo", "value": "12"}, {"kind": "?"}]
    found = company(mapping, {"numbers": numbers})
    assert (found.tin, found.extra) == (TIN, (("okpo", "12"), ("vat", TIN)))


def test_names_of_the_owner():
    names = rules_of(built_in_configuration(), SECOND_STORE).owner_names(COMPANY)
    assert names["name"] == "name1, name2"
    assert names["tin"] == "taxnumbers[?type=='INN' || type=='ИНН'].number"
    assert (names["account"], names["address"]) == ("bankdetails", "addresses")


def test_a_cleaner_travels_as_the_configuration_that_it_was_compiled_from():
    travelled = pickle.loads(pickle.dumps(clean_partner))
    partner = {"partner": "1", "category": "2"}
    assert travelled(partner) == clean_partner(partner)
    assert len(pickle.dumps(clean_partner)) < 4000
