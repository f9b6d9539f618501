"""The changes to send of an item or part in the CRM: a three-way diff keeps people's edits.

``before`` is what we sent last, ``after`` what the stores say now, ``present`` what stands there.
"""

from collections.abc import Sequence
from typing import Any

from transforms.crm.api.mapping import LINKS, MARK, MULTIFIELDS, ORIGINATOR
from transforms.crm.loading.same_value import is_present

Fields = dict[str, Any]

# Values of an update in doubt: the portal may have added them or not.
_DOUBTFUL = "doubtful"


def plain(fields: Fields) -> Fields:
    """The fields without phones, e-mails and sites."""
    return {name: value for name, value in fields.items() if name not in MULTIFIELDS}


def changed_fields(before: Fields, after: Fields) -> Fields:
    """The plain fields whose value differs from what was sent last.

    Values and links are left out: an update would put our list in the place of what people have
    added.
    """
    return {
        name: value
        for name, value in after.items()
        if name not in (*MULTIFIELDS, LINKS) and before.get(name) != value
    }


def with_mark(before: Fields, after: Fields) -> Fields:
    """``after`` with the mark of the program that made the item, if another program made it.

    >>> with_mark({"originatorId": "1c", "originId": "7"}, {"originatorId": "svod", "title": "x"})
    {'title': 'x', 'originatorId': '1c', 'originId': '7'}
    """
    if before.get(MARK[0]) in (None, ORIGINATOR):
        return after
    mark = {name: before[name] for name in MARK if name in before}
    return {name: value for name, value in after.items() if name not in MARK} | mark


def differ_in_values(before: Fields, after: Fields) -> bool:
    """Whether phones, e-mails or sites are to be changed: only then the present ones are read.

    >>> fields = {"PHONE": [{"VALUE": "+78120000001", "VALUE_TYPE": "WORK"}]}
    >>> differ_in_values(fields, fields), differ_in_values({}, fields), differ_in_values(fields, {})
    (False, True, False)
    """
    return _DOUBTFUL in before or any(
        kind in after and _values(before, kind) != _values(after, kind) for kind in MULTIFIELDS
    )


def value_changes(before: Fields, after: Fields, present: Sequence[Fields]) -> Fields:
    """The ``fm`` to send in an update: an empty map when nothing is to be sent.

    ``present`` is the item's ``fm``. Values that the stores gained are added unless a person has
    added them, in whatever writing; values that they lost are removed where they still are as we
    sent them; whatever people added stays, and so does the last value of its kind: an update never
    empties a field.
    """
    changes: Fields = {}
    for kind in (kind for kind in MULTIFIELDS if kind in after):
        present_of_kind = [value for value in present if str(value.get("typeId")) == kind]
        lost = _maybe_sent_values(before, kind) - _values(after, kind)
        removed = [value for value in present_of_kind if str(value.get("value")) in lost]
        staying = [value for value in present_of_kind if str(value.get("value")) not in lost]
        for added in _added_values(kind, before, after, staying):
            changes[f"n{len(changes)}"] = added
        for value in removed:
            changes[str(value.get("id"))] = {"typeId": kind, "valueType": "WORK", "value": ""}
    return changes


def _added_values(
    kind: str, before: Fields, after: Fields, staying: Sequence[Fields]
) -> list[Fields]:
    """The values of a kind that were not sent yet, and that no person has added meanwhile."""
    sent = _values(before, kind)
    value_types = {value["VALUE"]: value["VALUE_TYPE"] for value in after[kind]}
    return [
        {"typeId": kind, "valueType": value_type, "value": value}
        for value, value_type in value_types.items()
        if value not in sent and not is_present(kind, value, staying)
    ]


def _maybe_sent_values(fields: Fields, kind: str) -> set[str]:
    """The values of a kind that we have sent, also those of an update in doubt."""
    doubtful = {value for value_kind, value in fields.get(_DOUBTFUL, ()) if value_kind == kind}
    return _values(fields, kind) | doubtful


def _values(fields: Fields, kind: str) -> set[str]:
    return {value["VALUE"] for value in fields.get(kind, ())}


def sent_after(before: Fields, after: Fields) -> Fields:
    """Our fields as the CRM holds them after an update from ``before`` to ``after``.

    Links are sent separately, and what the stores no longer know stays there.
    """
    remaining = {name: value for name, value in before.items() if name not in (_DOUBTFUL, LINKS)}
    links = {LINKS: before.get(LINKS, [])} if LINKS in after else {}
    return remaining | after | links


def without_doubts(before: Fields, in_doubt: Fields) -> Fields:
    """Our fields that the CRM surely holds while an update that sent ``in_doubt`` is in doubt."""
    added = [
        (value["typeId"], value["value"])
        for value in in_doubt.get("fm", {}).values()
        if value["value"]
    ]
    sure = {name: value for name, value in before.items() if name not in in_doubt}
    return sure | ({_DOUBTFUL: added} if added else {})
