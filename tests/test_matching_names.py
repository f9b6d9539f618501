"""The lists of names hold together: a form is of one gender, a spelling of one name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.fields.given_names import MEN, WOMEN
from transforms.matching.comparison_levels import CLOSE, DIFFERENT, first_level, middle_level
from transforms.matching.name_forms import gender_of_first, gender_of_middle
from transforms.matching.patronymics import OFFICIAL, official
from transforms.matching.short_names import FULL_NAMES

NAMES = st.one_of(st.sampled_from(sorted(MEN | WOMEN)), st.text("авеилмнрст", min_size=1))
MIDDLES = st.one_of(st.sampled_from(sorted(OFFICIAL)), st.text("авеилмнчтоь", min_size=1))


def test_no_form_is_a_given_name_of_the_other_gender() -> None:
    for form, full in FULL_NAMES.items():
        if form in MEN ^ WOMEN:
            assert full <= (MEN if form in MEN else WOMEN), form
    assert {"айнур"} == MEN & WOMEN
    assert gender_of_first("айнур") == gender_of_first("саша") == ""
    assert [gender_of_first(name) for name in ("муса", "гузель", "кира")] == ["m", "f", "f"]


def test_names_are_keys_for_comparing() -> None:
    for name in MEN | WOMEN | FULL_NAMES.keys():
        assert name == name.lower().replace("ё", "е")
        assert name.isalpha()


def test_spellings_of_a_middle_name_keep_its_gender() -> None:
    for middle, spelling in OFFICIAL.items():
        assert official(spelling) == spelling
        assert gender_of_middle(middle) == ("f" if middle.endswith("на") else "m"), middle


@pytest.mark.parametrize(
    ("middle_a", "middle_b"),
    [("павлович", "паволвич"), ("гедеоньевич", "гедеониевич"), ("сергеевич", "сергевич")],
)
def test_middle_names_that_agree(middle_a: str, middle_b: str) -> None:
    assert middle_level(middle_a, middle_b) == CLOSE


@given(NAMES, NAMES, MIDDLES, MIDDLES)
def test_levels_do_not_depend_on_the_order(
    first_a: str, first_b: str, middle_a: str, middle_b: str
) -> None:
    assert first_level(first_a, first_b) == first_level(first_b, first_a)
    assert middle_level(middle_a, middle_b) == middle_level(middle_b, middle_a)


@given(st.sampled_from(sorted(MEN - FULL_NAMES.keys())), st.sampled_from(sorted(WOMEN - MEN)))
def test_a_mans_name_is_no_womans(man: str, woman: str) -> None:
    assert first_level(man, woman) == DIFFERENT
