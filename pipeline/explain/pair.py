"""``svod explain ROW ROW``: why two contact rows are one person, or why not."""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping

from sqlalchemy.engine import Connection

from transforms.consolidation.connected_components import component_of
from transforms.consolidation.persons import basis_of
from transforms.core.identity import RowKey, row_ref
from transforms.core.records import CONTACT
from transforms.ledger.rows.links import golden_key_by_row
from transforms.matching.blocking import blocking_keys
from transforms.matching.contacts import MatchingBasis, cluster_contacts
from transforms.matching.evidence import cluster_of, itemize, veto, weigh
from transforms.matching.profiles import align_name_parts

Pair = tuple[str, str]
"""The references of two contact rows."""

_KEY_KINDS = {"m": "mobile", "e": "e-mail", "x": "extension", "n": "name in company"}
_SHOWN_ROWS = 20


def pair_lines(connection: Connection, row: RowKey, second_row: RowKey) -> Iterator[str]:
    """The answer, the judgement if there is one, the evidence with its weights, and the path.

    Yields nothing unless both are contact rows of the base.
    """
    component = component_of(connection, row)
    are_connected = second_row in component
    if not are_connected:
        component = sorted({*component, *component_of(connection, second_row)})
    basis = basis_of(connection, component)
    pair = row_ref(row), row_ref(second_row)
    if not basis.profiles.keys() >= set(pair):
        return
    basis.profiles = dict(align_name_parts(basis.profiles))
    persons = golden_key_by_row(connection, CONTACT, [row, second_row])
    yield _answer_line(pair, persons.get(row), persons.get(second_row))
    judgement = basis.judgements.get(frozenset(pair))
    if judgement is not None:
        yield f"A person has judged that they are {'one' if judgement else 'two'}."
    yield "1. The two rows compared"
    yield from _evidence_lines(basis, pair)
    yield "2. The path between them"
    yield from _path_lines(basis, pair) if are_connected else ["   nothing ties them"]
    yield "3. The persons as wholes"
    yield _cluster_line(basis, pair)


def _answer_line(pair: Pair, key: str | None, second_key: str | None) -> str:
    a, b = pair
    names = key or "none yet", second_key or "none yet"
    if names[0] == names[1]:
        return f"{a} and {b} are one person: contact {names[0]}"
    return f"{a} and {b} are two persons: contacts {names[0]} and {names[1]}"


def _evidence_lines(basis: MatchingBasis, pair: Pair) -> Iterator[str]:
    a, b = (cluster_of(basis.profiles[ref]) for ref in pair)
    if reason := veto(a, b):
        yield f"   forbidden: {reason}"
    model = basis.model
    for comparison, result, bits in itemize(a, b, model, {}):
        yield f"   {comparison}: {result}, {bits:+.1f} bits"
    origin = f"model {model.version}" if model.version else "the model before any learning"
    yield (
        f"   together {weigh(a, b, model, {}):+.1f} bits; joined from {model.accept:+.1f} on,"
        f" doubtful from {model.doubt:+.1f} on ({origin})"
    )


def _path_lines(basis: MatchingBasis, pair: Pair) -> Iterator[str]:
    """The shortest chain of rows in which neighbours share a blocking key."""
    start, end = pair
    steps = _steps_to(basis, end, start)
    if start not in steps:
        yield "   no key: only a judgement, or what they once shared"
        return
    ref = start
    while ref != end:
        neighbour, key = steps[ref]
        # Of a name only the company is shown: its letters are folded beyond recognition.
        value = key[1:].split(" ")[0]
        yield f"   {ref} and {neighbour}: the same {_KEY_KINDS[key[0]]} {value}"
        ref = neighbour


def _steps_to(basis: MatchingBasis, end: str, start: str) -> Mapping[str, tuple[str, str]]:
    """By row: the neighbour that is nearer to ``end``, and the key that the two share.

    A search by breadth from ``end`` that stops when it reaches ``start``.
    """
    rows_by_key = _rows_by_key(basis)
    steps: dict[str, tuple[str, str]] = {end: ("", "")}
    queue = deque([end])
    while queue and start not in steps:
        ref = queue.popleft()
        for key in sorted(blocking_keys(basis.profiles[ref])):
            for neighbour in rows_by_key[key]:
                if neighbour not in steps:
                    steps[neighbour] = ref, key
                    queue.append(neighbour)
    return steps


def _rows_by_key(basis: MatchingBasis) -> Mapping[str, list[str]]:
    rows_by_key: dict[str, list[str]] = defaultdict(list)
    for ref, profile in basis.profiles.items():
        for key in blocking_keys(profile):
            if key not in basis.hot:
                rows_by_key[key].append(ref)
    return rows_by_key


def _cluster_line(basis: MatchingBasis, pair: Pair) -> str:
    persons = cluster_contacts(basis.profiles, basis.model, basis.hot, basis.judgements)
    a, b = (next(group for group in persons.groups if ref in group) for ref in pair)
    if a is b:
        return f"   one person of {len(a)} rows: {', '.join(a[:_SHOWN_ROWS])}"
    for doubtful in persons.doubtful_pairs:
        if set(doubtful.refs) == {a[0], b[0]}:
            return (
                f"   doubtful, {doubtful.bits:+.1f} bits: {doubtful.reason};"
                " svod review asks for a judgement"
            )
    return "   the rest of their rows does not bring them together either"
