"""The rows and dead letters of messages of store B's topic."""

import json
import pickle
import tomllib

import pytest
from msgspec import convert

from transforms.configuration.builtin import SECOND_STORE, built_in_configuration
from transforms.configuration.structs import Configuration
from transforms.core.records import (
    COMPANY,
    CONTACT,
    NO_PARTITION,
    UNKNOWN_KIND,
    DeadLetter,
    Note,
    decode_company,
    message_order,
    partition_of,
)
from transforms.stores.topic.events import event_reader
from transforms.stores.topic.messages import TopicMessage
from transforms.stores.two_stores import clean_partner

READER = event_reader(built_in_configuration(), SECOND_STORE)
SENT, CHANGED = "2024-02-11T18:00:00+03:00", "2024-02-11T17:40:12+03:00"
SENT_AT, CHANGED_AT = 1707663600000000, 1707662412000000
COMPANY_B = {
    "partner": "0001000123",
    "category": "2",
    "name1": "ООО Ромашка",
    "taxnumbers": [{"type": "INN", "number": "7805746764"}],
    "changed_at": CHANGED,
}


def message(value, key=b"0001000123", timestamp=1707663601000):
    return TopicMessage(6, timestamp, key, value)


def encode_event(partner, op="upsert", **envelope):
    return json.dumps({"op": op, "sent_at": SENT, "partner": partner, **envelope}).encode()


def row(value, **others):
    return only_row(READER, message(value, **others))


def only_row(reader, message):
    event = reader.read("t", 2, message)
    assert not isinstance(event, DeadLetter), event
    [row] = reader.rows(event)
    return row


def test_an_upsert_is_the_same_row_as_in_a_file_but_for_its_place():
    from_file = clean_partner(COMPANY_B)
    found = row(encode_event(COMPANY_B))
    assert (found.order, from_file.order) == (message_order(2, 6), 0)
    assert found == clean_partner(COMPANY_B, order=message_order(2, 6))
    assert found.fingerprint == from_file.fingerprint


@pytest.mark.parametrize("missing", [{}, {"changed_at": None}, {"changed_at": "вчера"}])
def test_who_does_not_say_when_it_changed_did_when_it_was_sent(missing):
    partner = {name: value for name, value in COMPANY_B.items() if name != "changed_at"} | missing
    assert row(encode_event(partner)).changed_at == SENT_AT
    assert row(encode_event(partner)).fingerprint == clean_partner(partner).fingerprint
    assert row(encode_event(partner, sent_at=None)).changed_at == 1707663601000000
    assert row(encode_event(partner, sent_at=7), timestamp=0).changed_at == 0
    far = row(encode_event(partner, sent_at=""), timestamp=(1 << 63) - 1).changed_at
    assert 0 < far < 1 << 63


def test_a_deletion_may_say_no_more_than_number_and_category():
    for category, kind in (("2", COMPANY), ("1", CONTACT)):
        found = row(encode_event({"partner": "0001000123", "category": category}, "delete"))
        assert (found.kind, found.source_id, found.reason) == (
            kind,
            "0001000123",
            "deleted_in_store",
        )
        assert (found.changed_at, found.order) == (SENT_AT, message_order(2, 6))


def test_a_deletion_that_says_more_is_dated_by_it():
    found = row(encode_event(COMPANY_B, "DELETE"))
    assert (found.tin, found.reason, found.changed_at) == (
        "7805746764",
        "deleted_in_store",
        CHANGED_AT,
    )


@pytest.mark.parametrize("partner", [{}, {"category": None}, {"category": "7"}])
def test_a_deletion_without_category_is_of_either_kind(partner):
    found = row(encode_event({"partner": "0001000123", **partner}, "delete"))
    assert (found.kind, found.source_id, found.reason) == (UNKNOWN_KIND, "0001000123", "")


def test_no_event_changed_after_it_came():
    came = 1707663601000000
    minutes_ahead = row(encode_event({**COMPANY_B, "changed_at": "2024-02-11T18:04:00+03:00"}))
    assert minutes_ahead.changed_at > came
    assert decode_company(minutes_ahead.payload).notes == ()
    ahead = row(encode_event({**COMPANY_B, "changed_at": "2099-01-01T00:00:00Z"}))
    assert ahead.changed_at == came
    note = Note("changed_at", "in_the_future", "2099-01-01T00:00:00Z")
    assert decode_company(ahead.payload).notes == (note,)
    unknown = row(encode_event({**COMPANY_B, "changed_at": "2099-01-01T00:00:00Z"}), timestamp=0)
    assert unknown.changed_at > came
    sent_ahead = encode_event({**COMPANY_B, "changed_at": None}, sent_at="2099-01-01T00:00:00Z")
    assert row(sent_ahead).changed_at == came


def test_a_deletion_without_a_time_to_trust_leaves_its_age_to_the_ledger():
    bare = {"partner": "0001000123", "category": "2"}
    assert row(encode_event(bare, "delete")).payload == b""
    assert (
        row(encode_event({**bare, "changed_at": "2099-01-01T00:00:00Z"}, "delete")).payload == b""
    )
    assert row(encode_event({**bare, "changed_at": CHANGED}, "delete")).payload != b""
    # Its time decides, wherever it stands.
    dated = row(encode_event({"partner": "0001000123", "changed_at": CHANGED}, "delete"))
    assert (dated.changed_at, partition_of(dated.order)) == (CHANGED_AT, NO_PARTITION)


def test_a_null_value_deletes_its_key():
    found = row(None)
    assert (found.kind, found.source_id, found.changed_at, found.order) == (
        UNKNOWN_KIND,
        "0001000123",
        1707663601000000,
        message_order(2, 6),
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"\xff", "not_utf8"),
        (b"", "not_json"),
        (b"{", "not_json"),
        (b'{"a": 1} x', "not_json"),
        (b"\x1f\x8b\x08\x00", "not_utf8"),
        (b"[" * 100_000, "not_json"),
        (b'{"partner": ' + b"9" * 5000 + b"}", "not_json"),
        (b"null", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"{}", "not_an_object"),
        (encode_event("0001000123"), "not_an_object"),
        (encode_event({"category": "1"}), "no_partner_number"),
        (encode_event({"category": "1"}, "delete"), "no_partner_number"),
        (encode_event({"partner": "", "category": "1"}), "no_partner_number"),
        (encode_event({"partner": "7", "category": "9"}), "bad_category"),
        (encode_event(COMPANY_B, "explode"), "unknown_op"),
        (encode_event(COMPANY_B, ["delete"]), "unknown_op"),
    ],
)
def test_poison(value, reason):
    assert READER.read("t", 2, message(value)) == DeadLetter("t", 2, 6, reason, value)


@pytest.mark.parametrize(
    ("key", "reason"),
    [(None, "no_partner_number"), (b"", "no_partner_number"), (b"\xff", "not_utf8")],
)
def test_a_null_value_needs_a_key(key, reason):
    assert READER.read("t", 2, message(None, key)) == DeadLetter("t", 2, 6, reason, key or b"")


def test_what_harms_nobody_is_read():
    assert row(encode_event(COMPANY_B), key=None).source_id == "0001000123"
    assert row(encode_event(COMPANY_B, None)).reason == ""
    assert row("\ufeff".encode() + encode_event(COMPANY_B)).reason == ""
    lone = encode_event({**COMPANY_B, "name1": "\ud83d"})
    assert row(lone).source_id == "0001000123"
    assert row(encode_event({**COMPANY_B, "partner": 1000123})).source_id == "0001000123"


SHOP = """
[store.shop.changes]
kind = "kafka"
brokers = "b:9092"
topic = "shop.customers"
%s
[store.shop.company]
id = "no"
changed_at = "modified"
tin = "vat"
name = "title"
only = { field = "kind", is = ["org"] }
[store.shop.contact]
id = "no"
company = "firms"
name = "fio"
only = { field = "kind", is = ["person"] }
"""
ENVELOPE = 'record = "payload.after"\ndeleted = { field = "payload.action", is = ["d", "remove"] }'
FIRM = {"no": "F-1", "kind": "org", "vat": "7805746764", "title": "Ромашка", "modified": CHANGED}


def reader_of(changes):
    return event_reader(convert(tomllib.loads(SHOP % changes), Configuration), "shop")


def value_of(record, action="u"):
    return json.dumps({"payload": {"after": record, "action": action}}).encode()


def test_a_topic_of_any_form_is_read_by_its_mapping():
    found = only_row(reader_of(ENVELOPE), message(value_of(FIRM)))
    assert (found.source, found.kind, found.source_id) == ("shop", COMPANY, "F-1")
    assert (found.tin, found.reason, found.changed_at) == ("7805746764", "", CHANGED_AT)
    bare = only_row(reader_of(""), message(json.dumps(FIRM).encode()))
    assert bare == found


def test_a_record_without_a_time_is_as_new_as_its_arrival():
    person = {"no": 5, "kind": "person", "firms": ["F-1"], "fio": "Иванов Пётр"}
    assert only_row(reader_of(ENVELOPE), message(value_of(person))).changed_at == 1707663601000000
    undated = {**FIRM, "modified": "вчера"}
    assert only_row(reader_of(ENVELOPE), message(value_of(undated))).changed_at == 1707663601000000


@pytest.mark.parametrize("action", ["d", " Remove "])
def test_a_message_deletes_by_its_own_field(action):
    found = only_row(reader_of(ENVELOPE), message(value_of(FIRM, action)))
    assert (found.kind, found.source_id, found.payload, found.tin) == (COMPANY, "F-1", b"", "")
    assert (found.changed_at, partition_of(found.order)) == (CHANGED_AT, NO_PARTITION)
    undated = only_row(reader_of(ENVELOPE), message(value_of({**FIRM, "modified": None}, action)))
    assert (undated.changed_at, undated.order) == (1707663601000000, message_order(2, 6))
    no_kind = only_row(reader_of(ENVELOPE), message(value_of({"no": "F-1", "kind": None}, action)))
    assert no_kind.source_id == "F-1"


def test_a_null_value_deletes_the_row_of_its_key():
    found = only_row(reader_of(ENVELOPE), message(None, b"F-1"))
    assert (found.kind, found.source_id, found.payload) == (UNKNOWN_KIND, "F-1", b"")
    letter = reader_of(ENVELOPE).read("t", 2, message(None, b" "))
    assert letter.reason == "no_id"


def test_what_is_no_record_of_the_store_is_a_dead_letter_and_what_it_leaves_out_is_none():
    reader = reader_of(ENVELOPE)
    for value, reason in (
        (json.dumps({"payload": {"after": ["x"]}}).encode(), "not_an_object"),
        (json.dumps({"payload": 1}).encode(), "not_an_object"),
        (value_of({"kind": "org"}), "no_id"),
        (b"[]", "not_an_object"),
    ):
        assert reader.read("t", 2, message(value)).reason == reason
    outside = only_row(reader, message(value_of({**FIRM, "kind": "dealer"})))
    assert (outside.source_id, outside.kind) == ("F-1", UNKNOWN_KIND)
    assert pickle.loads(pickle.dumps(reader)) is reader
