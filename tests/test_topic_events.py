"""The rows and dead letters of messages of store B's topic."""

import json

import pytest

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
from transforms.stores.topic.events import event_row, read_event
from transforms.stores.topic.messages import TopicMessage
from transforms.stores.two_stores import clean_partner

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
    event = read_event("t", 2, message(value, **others))
    assert not isinstance(event, DeadLetter), event
    return event_row(event)


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
    assert read_event("t", 2, message(value)) == DeadLetter("t", 2, 6, reason, value)


@pytest.mark.parametrize(
    ("key", "reason"),
    [(None, "no_partner_number"), (b"", "no_partner_number"), (b"\xff", "not_utf8")],
)
def test_a_null_value_needs_a_key(key, reason):
    assert read_event("t", 2, message(None, key)) == DeadLetter("t", 2, 6, reason, key or b"")


def test_what_harms_nobody_is_read():
    assert row(encode_event(COMPANY_B), key=None).source_id == "0001000123"
    assert row(encode_event(COMPANY_B, None)).reason == ""
    assert row("\ufeff".encode() + encode_event(COMPANY_B)).reason == ""
    lone = encode_event({**COMPANY_B, "name1": "\ud83d"})
    assert row(lone).source_id == "0001000123"
    assert row(encode_event({**COMPANY_B, "partner": 1000123})).source_id == "0001000123"
