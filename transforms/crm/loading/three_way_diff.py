"""What to send of an item or a part that is in the CRM already: three-way, so people's edits stay.

``before`` is what we sent last, ``after`` what the stores say now, ``held`` what stands there.
"""

from collections.abc import Sequence
from typing import Any

from transforms.crm.api.mapping import LINKS, MARK, MULTIFIELDS, ORIGINATOR
from transforms.crm.loading.same_value import is_there

Fields = dict[str, Any]

# Values of an update in doubt: nobody knows whether the portal has added them.
_DOUBTFUL = "doubtful"


def plain(fields: Fields) -> Fields:
    """The fields without phones, e-mails and sites."""
    return {name: value for name, value in fields.items() if name not in MULTIFIELDS}


def changed_fields(before: Fields, after: Fields) -> Fields:
    """The plain fields whose own value differs from what was sent last.

    An update would put lists in the place of what people have added: they have calls of their own.
    """
    return {
        name: value
        for name, value in after.items()
        if name not in (*MULTIFIELDS, LINKS) and before.get(name) != value
    }


def with_mark(before: Fields, after: Fields) -> Fields:
    """``after`` with the mark of the program that made the item, where that is not us.

    >>> with_mark({"originatorId": "1c", "originId": "7"}, {"originatorId": "svod", "title": "x"})
    {'title': 'x', 'originatorId': '1c', 'originId': '7'}
    """
    if before.get(MARK[0]) in (None, ORIGINATOR):
        return after
    kept = {name: before[name] for name in MARK if name in before}
    return {name: value for name, value in after.items() if name not in MARK} | kept


def differ_in_values(before: Fields, after: Fields) -> bool:
    """Whether phones, e-mails or sites are to be changed: only then those held are read.

    >>> one = {"PHONE": [{"VALUE": "+78120000001", "VALUE_TYPE": "WORK"}]}
    >>> differ_in_values(one, one), differ_in_values({}, one), differ_in_values(one, {})
    (False, True, False)
    """
    return _DOUBTFUL in before or any(
        kind in after and _values(before, kind) != _values(after, kind) for kind in MULTIFIELDS
    )


def value_changes(before: Fields, after: Fields, held: Sequence[Fields]) -> Fields:
    """What to send as ``fm`` in an update: an empty map when nothing is to be sent.

    ``held`` is the item's ``fm``. Values that the stores gained are added unless somebody has added
    them, in whatever writing; values that they lost are removed where they still are as we sent
    them; whatever people added stays, and so does the last value of its kind: an update never
    empties a field.
    """
    doubtful = {tuple(pair) for pair in before.get(_DOUBTFUL, ())}
    changes: Fields = {}
    for kind in (kind for kind in MULTIFIELDS if kind in after):
        old = _values(before, kind)
        new = {one["VALUE"]: one["VALUE_TYPE"] for one in after[kind]}
        stay: list[Fields] = []
        lost: list[str] = []
        for one in (one for one in held if str(one.get("typeId")) == kind):
            value = str(one.get("value"))
            if (value in old or (kind, value) in doubtful) and value not in new:
                lost.append(str(one.get("id")))
            else:
                stay.append(one)
        for value, value_type in new.items():
            if value not in old and not is_there(kind, value, stay):
                added = {"typeId": kind, "valueType": value_type, "value": value}
                changes[f"n{len(changes)}"] = added
        for value_id in lost:
            changes[value_id] = {"typeId": kind, "valueType": "WORK", "value": ""}
    return changes


def _values(fields: Fields, kind: str) -> set[str]:
    return {one["VALUE"] for one in fields.get(kind, ())}


def kept(before: Fields, after: Fields) -> Fields:
    """What the CRM holds of ours after an update from ``before`` to ``after``.

    Links are sent by themselves, and values of a kind that the stores no longer know stay there.
    """
    stay = {kind: before[kind] for kind in MULTIFIELDS if kind in before and kind not in after}
    links = {LINKS: before.get(LINKS, [])} if LINKS in after else {}
    return after | stay | links


def without_doubts(before: Fields, in_doubt: Fields) -> Fields:
    """What the CRM holds of ours for sure while an update that sent ``in_doubt`` is in doubt."""
    added = [
        (value["typeId"], value["value"])
        for value in in_doubt.get("fm", {}).values()
        if value["value"]
    ]
    sure = {name: value for name, value in before.items() if name not in in_doubt}
    return sure | ({_DOUBTFUL: added} if added else {})
