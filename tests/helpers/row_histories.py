"""Histories of source rows: all their versions in any order, divided into runs."""

from typing import Any

from hypothesis import strategies as st

from tests.helpers.ledger_runs import ACTIVE, CLOSED, OTHER, SILENT, company_row, contact_row
from transforms.core.records import Row

COMPANY_REFS = ("A:1", "A:2", "A:3", "B:1", "B:2")
CONTACT_REFS = ("A:1", "A:2", "A:3", "B:7", "B:8", "B:9")
NAMES = (
    *("Иванов Пётр Сергеевич", "Иванов Петр", "Иванов П. С.", "Иванов Павел"),
    *("Иванов П.", "Иванов Пётр Ильич", "Сидоркин Лев", "Сидоркин"),
)
MOBILES = ("+79210000001", "+79210000002")
POSITIONS = ("", "", "Директор", "Бухгалтер")
STEPS = ("remembered", "asked", "companies", "resolved", "refreshed")
"""Steps of a run, after each of which it may be interrupted."""


@st.composite
def company_versions(draw: Any, ref: str) -> list[Row]:
    # Store A's versions have different times; of store B's copies with one time any may be newest.
    times = st.integers(1, 3 if ref[0] == "B" else 9)
    drawn = draw(
        st.lists(
            st.tuples(
                times,
                st.sampled_from((ACTIVE, ACTIVE, OTHER, CLOSED, SILENT)),
                st.sampled_from(("", "", "", "bad_tin_checksum", "deleted_in_store")),
                st.sampled_from(("Ромашка", "Лютик")),
                st.sampled_from(((), ("+78120000001",), ("+78120000002", "+78120000001"))),
            ),
            min_size=1,
            max_size=3,
            unique_by=None if ref[0] == "B" else (lambda version: version[0]),
        )
    )
    return [
        company_row(ref, tin, changed_at, reason=reason, name=name, phones=phones)
        for changed_at, tin, reason, name, phones in drawn
    ]


@st.composite
def contact_versions(draw: Any, ref: str) -> list[Row]:
    company_ids = [company[2:] for company in COMPANY_REFS if company[0] == ref[0]]
    times = st.integers(1, 3 if ref[0] == "B" else 9)
    drawn = draw(
        st.lists(
            st.tuples(
                times,
                st.lists(
                    st.sampled_from([*company_ids, "404"]), min_size=1, max_size=2, unique=True
                ),
                st.sampled_from(("", "", "", "", "deleted_in_store")),
                st.sampled_from(NAMES),
                st.lists(st.sampled_from(MOBILES), max_size=1),
                st.sampled_from(POSITIONS),
            ),
            min_size=1,
            max_size=3,
            unique_by=None if ref[0] == "B" else (lambda version: version[0]),
        )
    )
    if draw(st.booleans()):  # the versions differ in their position only
        drawn = [(changed_at, *drawn[0][1:-1], position) for changed_at, *_, position in drawn]
    return [
        contact_row(
            *(ref, ids, changed_at),
            reason=reason,
            name=name,
            phones=tuple(phones),
            position=position,
        )
        for changed_at, ids, reason, name, phones, position in drawn
    ]


@st.composite
def histories(draw: Any) -> tuple[list[Row], list[list[Row]], list[str]]:
    """Draws row versions, the same versions in runs, and the last step of each run."""
    versions = [
        *(row for ref in COMPANY_REFS for row in draw(company_versions(ref))),
        *(row for ref in CONTACT_REFS for row in draw(contact_versions(ref))),
    ]
    shuffled = draw(st.permutations(versions))
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    runs = [
        shuffled[start:end] for start, end in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)
    ]
    how = st.sampled_from(("whole", "whole", "whole", *STEPS))
    return versions, runs, [draw(how) for _ in runs]
