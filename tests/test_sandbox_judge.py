"""The judge reports every kind of difference, and none for a right result."""

import sqlite3
from contextlib import closing

from sandbox.judge import (
    End,
    count_missed_merges,
    judge_companies,
    judge_contacts,
    judge_rows,
    ledger_ends,
    mixed_contacts,
)
from sandbox.world.truth import Outcome

TIN, OTHER_TIN = "7805746764", "7707083893"
COMPANY = Outcome("A", "company", "17", "golden", (TIN,))
REFUSED = Outcome("B", "company", "0001", "bad_tin_checksum")
ANNA = Outcome("A", "contact", "5", "golden", (TIN,), 1, ("mobile",))
ANNA_AGAIN = Outcome("B", "contact", "0002", "golden", (TIN,), 1, ("mobile", "email"))
PETER = Outcome("B", "contact", "0003", "golden", (TIN,), 2, ("email",))

IN_CRM = [{"id": 15, "originatorId": "svod", "originId": TIN}]
REQUISITES = [{"ENTITY_ID": "15", "RQ_INN": TIN}]


def contact(key, *companies):
    return {"id": 1, "originatorId": "svod", "originId": key, "companyIds": list(companies)}


def ends(**keys):
    rows = {"anna": ANNA, "again": ANNA_AGAIN, "peter": PETER}
    return {("contact", rows[n].source, rows[n].source_id): [End("golden", keys[n])] for n in keys}


def test_each_row_has_one_end_and_the_right_one():
    right = {
        ("company", "A", "17"): [End("golden", TIN)],
        ("company", "B", "0001"): [End("bad_tin_checksum")],
    }
    assert list(judge_rows([COMPANY, REFUSED], right)) == []
    wrong = {
        ("company", "A", "17"): [End("golden", OTHER_TIN)],
        ("company", "B", "0001"): [End("bad_tin_checksum"), End("waiting_for_company")],
        ("contact", "A", "9"): [End("no_name")],
    }
    assert list(judge_rows([COMPANY, REFUSED, ANNA], wrong)) == [
        f"company A:17 should be in company {TIN}, is in {OTHER_TIN}",
        "company B:0001 should be bad_tin_checksum, is bad_tin_checksum and waiting_for_company",
        "contact A:5 should be golden, is nothing",
        "contact A:9 is in the ledger and in no store",
    ]


def test_every_company_once_with_its_requisite():
    assert list(judge_companies(IN_CRM, REQUISITES, {TIN})) == []
    by_hand = {"id": 16, "originatorId": None, "originId": None}
    assert list(judge_companies([*IN_CRM, by_hand], REQUISITES, {TIN})) == []
    assert list(judge_companies([*IN_CRM, {**IN_CRM[0], "id": 17}], REQUISITES, {OTHER_TIN})) == [
        f"company {TIN}: the TIN in its requisites is nothing",
        f"company {OTHER_TIN} is in the CRM 0 times",
        f"company {TIN} is in the CRM and should not be",
    ]


def test_contacts_are_one_person_each_with_all_companies():
    row_ends = ends(anna="p1", again="p1", peter="p2")
    people = [ANNA, ANNA_AGAIN, PETER]
    right = [contact("p1", 15), contact("p2", 15)]
    assert list(judge_contacts(right, IN_CRM, people, row_ends)) == []
    assert list(judge_contacts([contact("p1"), *right], IN_CRM, people, row_ends)) == [
        f"contact p1 should be of {TIN}, is of nothing",
        "contact p1 is in the CRM 2 times",
    ]
    mixed = ends(anna="p1", again="p1", peter="p1")
    assert list(judge_contacts(right, IN_CRM, people, mixed)) == [
        "contact p2 is in the CRM and should not be"
    ]


def test_contacts_of_different_people_are_named():
    people = [ANNA, ANNA_AGAIN, PETER]
    assert mixed_contacts(people, ends(anna="p1", again="p1", peter="p2")) == []
    assert mixed_contacts(people, ends(anna="p1", again="p1", peter="p1")) == ["p1"]


def test_missed_merges_are_counted_where_there_was_evidence():
    people = [ANNA, ANNA_AGAIN, PETER]
    assert count_missed_merges(people, ends(anna="p1", again="p1", peter="p2")) == 0
    assert count_missed_merges(people, ends(anna="p1", again="p3", peter="p2")) == 1


def test_ends_come_from_the_tables_of_the_contract(tmp_path):
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger:
        ledger.executescript(f"""
            CREATE TABLE members (kind, key, source, source_id);
            CREATE TABLE invalid_companies (source, source_id, reason);
            CREATE TABLE invalid_contacts (source, source_id, reason);
            CREATE TABLE deferred (kind, source, source_id, reason);
            INSERT INTO members VALUES ('company', '{TIN}', 'A', '17');
            INSERT INTO invalid_companies VALUES ('B', '0001', 'bad_tin_checksum');
            INSERT INTO invalid_contacts VALUES ('B', '0003', 'no_name');
            INSERT INTO deferred VALUES ('contact', 'B', '0003', 'waiting_for_company');
        """)
    assert ledger_ends(f"sqlite:///{tmp_path / 'ledger.db'}") == {
        ("company", "A", "17"): [End("golden", TIN)],
        ("company", "B", "0001"): [End("bad_tin_checksum")],
        ("contact", "B", "0003"): [End("no_name"), End("waiting_for_company")],
    }
