"""Scores: how well rows are grouped into persons, compared with the truth."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec


class Scores(msgspec.Struct, frozen=True):
    """Shares from 0 to 1, and two counts.

    ``doubles`` are superfluous records of a person, ``strangers`` records that mix several people.

    ``b3_…`` is B-cubed: precision and recall of each row's group, averaged over the rows.
    """

    precision: float
    recall: float
    f1: float
    b3_precision: float
    b3_recall: float
    b3_f1: float
    doubles: int
    strangers: int


def score(groups: Iterable[Sequence[str]], truth: Mapping[str, object]) -> Scores:
    """Returns the scores of a partition of all rows of ``truth`` (row to person)."""
    sizes = Counter(truth.values())
    records: dict[object, int] = defaultdict(int)
    matched = right = strangers = 0
    b3_precision = b3_recall = 0.0
    for group in groups:
        people = Counter(truth[row] for row in group)
        matched += _pairs(len(group))
        strangers += len(people) > 1
        for person, count in people.items():
            records[person] += 1
            right += _pairs(count)
            b3_precision += count * count / len(group)
            b3_recall += count * count / sizes[person]
    true = sum(map(_pairs, sizes.values()))
    precision, recall = right / max(matched, 1), right / max(true, 1)
    b3_precision, b3_recall = b3_precision / len(truth), b3_recall / len(truth)
    return Scores(
        *(precision, recall, _mean(precision, recall)),
        *(b3_precision, b3_recall, _mean(b3_precision, b3_recall)),
        doubles=sum(records.values()) - len(records),
        strangers=strangers,
    )


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


def _mean(precision: float, recall: float) -> float:
    return 2 * precision * recall / max(precision + recall, 1e-12)
