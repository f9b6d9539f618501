"""``svod init --from``: the mapping that is proposed for tables of other programs."""

import random
import tomllib

import msgspec
import pytest

from tests.helpers.foreign_schemas import MAKERS, ROWS, SCHEMAS, table
from transforms.configuration.reading import parse_configuration
from transforms.proposal.rendering import SourcePlace, render
from transforms.proposal.samples import Table
from transforms.proposal.stores import propose_store


def proposed_fields(proposal):
    """Returns the columns of each field that is written, and not only a comment."""
    fields = {}
    for proposed in proposal.tables:
        for line in proposed.lines:
            values = {"": line.value}
            if isinstance(line.value, dict):
                values = {f".{name}": value for name, value in line.value.items()}
            for name, value in values.items():
                names = value if isinstance(value, list) else [value]
                if not line.doubt:
                    fields.setdefault(f"{proposed.kind}.{line.key}{name}", []).extend(names)
    return fields


def file_content(proposal, kind):
    place = {"kind": kind, "url_env": "SVOD_SHOP"}
    if kind not in ("mysql", "postgresql"):
        place = {"kind": kind, "files": ["in/*"]}
    if kind == "csv":
        tables = [
            msgspec.structs.replace(
                proposed,
                table=msgspec.structs.replace(
                    proposed.table, place={"files": [f"{proposed.table.name}.csv"]}
                ),
            )
            for proposed in proposal.tables
        ]
        proposal = msgspec.structs.replace(proposal, tables=tables)
    return render(proposal, SourcePlace("shop", kind, place))


@pytest.mark.parametrize("name", SCHEMAS)
def test_nine_of_ten_fields_of_a_foreign_schema_are_found(name):
    schema = SCHEMAS[name]
    proposal = propose_store(schema.tables, schema.kind)
    fields = proposed_fields(proposal)
    missing = {
        key: column for key, column in schema.fields.items() if column not in fields.get(key, [])
    }
    assert len(missing) * 10 <= len(schema.fields), missing


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_is_no_column_gets_a_view(name):
    schema = SCHEMAS[name]
    statements = "\n".join(
        view.statement for view in propose_store(schema.tables, schema.kind).views
    )
    assert bool(statements) == bool(schema.view_words)
    for word in schema.view_words:
        assert word in statements


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_proposed_file_is_a_right_one(name):
    schema = SCHEMAS[name]
    text = file_content(propose_store(schema.tables, schema.kind), schema.kind)
    _, problems = parse_configuration(tomllib.loads(text), lambda _: ())
    assert problems == [], text


def test_the_order_of_tables_and_columns_changes_little():
    chance = random.Random(7)
    for schema in SCHEMAS.values():
        tables = [
            msgspec.structs.replace(
                shuffled, columns=tuple(chance.sample(shuffled.columns, len(shuffled.columns)))
            )
            for shuffled in chance.sample(schema.tables, len(schema.tables))
        ]
        fields = proposed_fields(propose_store(tables, schema.kind))
        missing = [
            key for key, column in schema.fields.items() if column not in fields.get(key, [])
        ]
        assert len(missing) * 10 <= len(schema.fields), missing


def test_values_tell_what_a_nameless_column_is():
    makers = {
        "c1": "code", "c2": "tin", "c3": "kpp", "c4": "ogrn", "c5": "company", "c6": "phone",
        "c7": "email", "c8": "site", "c9": "bik", "c10": "account", "c11": "corr",
    }  # fmt: skip
    words = " ".join(f"{name}:{maker}" for name, maker in makers.items())
    proposal = propose_store([table("t", words)], "csv")
    fields = proposed_fields(proposal)
    assert fields["company.tin"] == ["c2"]
    assert fields["company.kpp"] == ["c3"]
    assert fields["company.ogrn"] == ["c4"]
    assert fields["company.name"] == ["c5"]
    assert fields["company.phones"] == ["c6"]
    assert fields["company.emails"] == ["c7"]
    assert fields["company.site"] == ["c8"]
    assert fields["company.bank.bik"] == ["c9"]
    assert fields["company.bank.account"] == ["c10"]
    assert fields["company.bank.corr_account"] == ["c11"]


def test_a_column_with_tins_is_the_tin_whatever_it_is_called():
    cells = [MAKERS["tin"](number) for number in range(ROWS)]
    made = table("clients", "*id:id name:company phone: inn:none", phone=cells)
    fields = proposed_fields(propose_store([made], "mysql"))
    assert fields["company.tin"] == ["phone"]
    assert "company.phones" not in fields


def test_what_is_only_called_so_is_a_comment_with_the_reason():
    proposal = propose_store(
        [table("clients", "*id:id name:company inn:tin kpp:text email:none active:flag")], "mysql"
    )
    text = file_content(proposal, "mysql")
    assert '#kpp = "kpp"' in text
    assert "by its name only: 0% of the values look like it" in text
    assert '#emails = "email"' in text
    assert "the sample has no value in it" in text
    assert '#deleted = { field = "active", is = ["0", "false"] }' in text


def test_without_tins_the_file_says_so():
    proposal = propose_store([table("notes", "*id:id body:text")], "mysql")
    assert "no column was found that holds TINs" in file_content(proposal, "mysql")
    assert propose_store([], "mysql").tables == []
    assert propose_store([Table("empty", ())], "mysql").tables == []
