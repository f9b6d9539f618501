"""``bench.matching``: the scores, and the matching of a small made-up world."""

import pytest

from bench.matchers import exact, ours
from bench.people import people
from bench.scores import Scores, score


def test_scores_are_those_of_the_books() -> None:
    truth = {"1": "a", "2": "a", "3": "a", "4": "b", "5": "b"}
    assert score([["1", "2"], ["3", "4"], ["5"]], truth) == Scores(
        precision=1 / 2,
        recall=1 / 4,
        f1=1 / 3,
        b3_precision=pytest.approx(4 / 5),
        b3_recall=pytest.approx((4 / 3 + 1 / 3 + 1 / 2 + 1 / 2) / 5),
        b3_f1=pytest.approx(2 * 0.8 * (8 / 15) / (0.8 + 8 / 15)),
        doubles=2,
        strangers=1,
    )
    assert score([["1", "2", "3"], ["4", "5"]], truth).f1 == 1.0


def test_people_are_found_and_not_mixed() -> None:
    world_people = people(21, 0.004)
    groups, _ = ours(world_people.profiles)
    assert sorted(ref for group in groups for ref in group) == sorted(world_people.truth)
    our_scores, exact_scores = (
        score(groups, world_people.truth),
        score(exact(world_people.profiles)[0], world_people.truth),
    )
    assert our_scores.precision > 0.999
    assert our_scores.f1 > 0.975
    assert our_scores.f1 > exact_scores.f1
