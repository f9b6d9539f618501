"""The built-in configuration: the two stores, in the form of the file."""

import pytest

from transforms.configuration.builtin import built_in_configuration
from transforms.stores.two_stores import clean_partner

STORE_A, STORE_B = built_in_configuration().store.values()


def test_the_built_in_stores_are_the_two_of_the_contract():
    assert (STORE_A.full.kind, STORE_A.full.url_env) == ("mysql", "SVOD_STORE_A")
    assert (STORE_A.changes.kind, STORE_A.changes.trailing_minutes) == ("cursor", 15)
    assert (STORE_B.full.kind, STORE_B.full.files) == ("json", [])
    assert (STORE_B.changes.brokers_env, STORE_B.changes.topic) == (
        "SVOD_KAFKA",
        "sap.crm.partners",
    )


@pytest.mark.parametrize(
    "tax_numbers",
    [
        [{"type": "KPP", "number": "2"}, {"type": "INN", "number": "1"}],
        [{"type": " inn", "number": "1"}, {"type": 7, "number": "3"}, None, "text"],
        [{"type": "ИНН", "number": "1"}],
        {"type": "INN", "number": "1"},
        {"INN": "1", "KPP": "2"},
    ],
)
def test_a_tin_of_store_b_is_read_in_any_of_its_forms(tax_numbers):
    row = clean_partner({"partner": "7", "category": 2, "taxnumbers": tax_numbers})
    assert row.tin == "1"
