"""Any value that JSON can hold, and worse ones: a cleaner must accept them all."""

from decimal import Decimal

from hypothesis import strategies as st

# Half of a surrogate pair is valid in JSON text, and cannot be encoded.
DIRTY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
RUSSIAN_TEXT = st.text(
    "АБВГОПРСТЕЁаяоеёй -.\"'«»„“()/,;ABCOXaeox0123789+@\u00a0\u200b", max_size=40
)
SINGLE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**30, -1, 0, 2**64]),
    st.floats(),
    st.sampled_from([Decimal("7805746764.0"), Decimal("NaN"), Decimal("1E+999999")]),
    DIRTY_TEXT,
    RUSSIAN_TEXT,
)
ANY_JSON = st.recursive(
    SINGLE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(DIRTY_TEXT, inner, max_size=3),
    max_leaves=6,
)


def nested(depth: int) -> object:
    """Returns ``depth`` lists, each in the next."""
    value: object = "дно"
    for _ in range(depth):
        value = [value]
    return value
