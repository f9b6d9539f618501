"""The cleaners of the built-in stores: what the configuration says of them, compiled."""

from transforms.configuration.builtin import FIRST_STORE, SECOND_STORE, built_in_configuration
from transforms.core.records import COMPANY, CONTACT
from transforms.stores.mapping.cleaners import CompiledStore, compile_store


def built_in_store(key: str) -> CompiledStore:
    """Returns a built-in store, compiled."""
    return compile_store(key, built_in_configuration().store[key])


_FIRST, _SECOND = built_in_store(FIRST_STORE), built_in_store(SECOND_STORE)

clean_company, clean_contact = _FIRST.cleaners[COMPANY], _FIRST.cleaners[CONTACT]
"""Clean the rows of store A's tables."""

clean_partner, partner_problem = _SECOND.records, _SECOND.find_problem
"""Clean a partner of store B, and say why a value is none."""

read_partner_number = _SECOND.ids.read
"""Returns a partner's number of any JSON value, an empty text when it is none."""
