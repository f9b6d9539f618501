"""``svod init``: a configuration file to begin with."""

import json
import re
import tomllib
from contextlib import closing

import pytest
import sqlalchemy as sa

from pipeline.__main__ import run
from pipeline.init.command import template_text
from pipeline.init.proposal import propose
from pipeline.option_values.file_options import check_file_options
from sandbox import store_a
from sandbox.store_b import write_store_b
from sandbox.world.world import World
from tests.helpers.foreign_schemas import MAKERS, ROWS, SCHEMAS
from transforms.configuration.builtin import built_in_configuration, built_in_text
from transforms.configuration.reading import parse_configuration


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_writes_a_commented_file_that_changes_nothing(folder, capsys):
    assert run(["init"]) == 0
    assert capsys.readouterr().out == "Configuration file: svod.toml\n"
    text = (folder / "svod.toml").read_text("utf-8")
    assert tomllib.loads(text) == {}


def test_all_of_the_template_holds_when_the_marks_are_taken_away():
    text = re.sub(r"(?m)^#(?=[\[a-zA-Z])", "", template_text())
    configuration, problems = parse_configuration(tomllib.loads(text), check_file_options)
    assert problems == []
    assert list(configuration.store) == ["shop"]


def test_a_file_that_is_there_stays(folder, capsys):
    (folder / "svod.toml").write_text("# mine\n")
    assert run(["init"]) == 2
    assert "svod: svod.toml is there already" in capsys.readouterr().err
    assert (folder / "svod.toml").read_text() == "# mine\n"
    assert run(["init", "--output=new.toml"]) == 0
    assert (folder / "new.toml").exists()


def test_it_works_where_the_file_is_broken(folder):
    (folder / "svod.toml").write_text("[store\n")
    assert run(["init", "--output=new.toml"]) == 0


def test_it_prints_the_two_stores(folder, capsys):
    assert run(["init", "--two_stores"]) == 0
    assert capsys.readouterr().out == built_in_text()
    assert list(folder.iterdir()) == []


def read(folder, name="svod.toml"):
    """Returns the only store of a proposed file, which must be a right one."""
    content = tomllib.loads((folder / name).read_text("utf-8"))
    configuration, problems = parse_configuration(content, check_file_options)
    assert problems == []
    [store] = configuration.store.values()
    return store


def csv_text(table, delimiter=";"):
    rows = zip(*(column.values for column in table.columns), strict=True)
    cells = [[column.name for column in table.columns], *rows]
    quoted = (
        ['"{}"'.format(str("" if cell is None else cell).replace('"', '""')) for cell in row]
        for row in cells
    )
    return "".join(f"{delimiter.join(row)}\r\n" for row in quoted)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "windows-1251", "utf-16"])
def test_it_proposes_what_a_csv_file_holds(folder, capsys, encoding):
    companies, contacts = SCHEMAS["1c"].tables
    text = "Контрагенты\r\n\r\n" + csv_text(companies)
    (folder / "companies.csv").write_bytes(text.encode(encoding))
    assert run(["init", "--from=companies.csv"]) == 0
    assert "Configuration file: svod.toml" in capsys.readouterr().out
    store = read(folder)
    assert (store.full.kind, store.full.files) == ("csv", ["companies.csv"])
    assert store.full.header == 3
    assert store.company.tin == "ИНН"
    assert store.company.bank.account == "НомерСчета"
    (folder / "contacts.csv").write_bytes(csv_text(contacts, ",").encode(encoding))
    places = ["--from=companies.csv", "--from=contacts.csv"]
    assert run(["init", *places, "--output=both.toml"]) == 0
    store = read(folder, "both.toml")
    assert (store.company.files, store.contact.files) == (["companies.csv"], ["contacts.csv"])
    assert store.contact.company == "КодКонтрагента"


def test_it_proposes_what_a_json_export_holds(folder):
    write_store_b(World(7, 0.002), folder, 1)
    [file] = [path.name for path in folder.iterdir()]
    assert run(["init", f"--from={file}"]) == 0
    store = read(folder)
    assert (store.full.kind, store.company.from_, store.company.id) == (
        "json",
        "partners",
        "partner",
    )
    assert store.company.tin == "taxnumbers[?type=='INN'].number"
    assert store.company.kpp == "taxnumbers[?type=='KPP'].number"
    assert store.company.only.field == "category"
    assert store.company.bank.each == "bankdetails"
    assert store.contact.company == "contact_of"
    assert store.contact.last_name == "last_name"


def test_it_proposes_what_an_excel_file_holds(folder):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.title = "Пусто"
    sheet = book.create_sheet("Контрагенты")
    [table] = SCHEMAS["moysklad"].tables
    sheet.append(["Выгрузка"])
    sheet.append([column.name for column in table.columns])
    for row in zip(*(column.values for column in table.columns), strict=True):
        sheet.append(list(row))
    book.save(folder / "clients.xlsx")
    assert run(["init", "--from=clients.xlsx"]) == 0
    store = read(folder)
    assert (store.full.kind, store.company.from_, store.company.tin) == (
        "xlsx",
        "Контрагенты",
        "ИНН",
    )


def test_it_proposes_what_json_lines_hold(folder):
    records = [
        {"id": number, "name": MAKERS["company"](number), "req": {"ИНН": MAKERS["tin"](number)}}
        for number in range(ROWS)
    ]
    lines = "\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    (folder / "clients.jsonl").write_text(lines, "utf-8")
    assert run(["init", "--from=clients.jsonl"]) == 0
    store = read(folder)
    assert (store.full.kind, store.company.tin) == ("jsonl", 'req."ИНН"')


def test_it_proposes_what_store_a_holds(folder, mariadb, capsys):
    with closing(store_a.connect(mariadb)) as connection:
        store_a.create_shop(connection)
        store_a.load_store_a(connection, World(7, 0.002))
    url = mariadb.url(store_a.DATABASE, store_a.READER, store_a.PASSWORD)
    assert run(["init", f"--from={url}"]) == 0
    captured = capsys.readouterr()
    assert "--from holds a secret" in captured.err
    text = (folder / "svod.toml").read_text("utf-8")
    assert store_a.PASSWORD not in text + captured.out + captured.err
    store, built_in = read(folder), built_in_configuration().store["A"]
    assert store.full.encoding == "windows-1251 in latin1"
    assert store.changes.kind == "cursor"
    for name in ("id", "changed_at", "deleted", "tin", "kpp", "ogrn", "name", "full_name", "bank"):
        assert getattr(store.company, name) == getattr(built_in.company, name), name
    assert (store.company.phones, store.company.emails) == ("phone", "email")
    for name in ("id", "company", "last_name", "first_name", "middle_name", "position"):
        assert getattr(store.contact, name) == getattr(built_in.contact, name), name
    for name in ("id", "company", "total", "status", "changed_at", "cancelled"):
        assert getattr(store.order, name) == getattr(built_in.order, name), name


def create(url, tables):
    """Makes tables with the samples' rows in a database."""
    engine = sa.create_engine(url)
    metadata = sa.MetaData()
    with engine.begin() as connection:
        for table in tables:
            schema, _, name = table.name.rpartition(".")
            columns = [
                sa.Column(column.name, sa.Text() if not column.is_key else sa.String(64))
                for column in table.columns
            ]
            keys = [column.name for column in table.columns if column.is_key]
            made = sa.Table(
                name, metadata, *columns, sa.PrimaryKeyConstraint(*keys), schema=schema or None
            )
            made.create(connection)
            rows = zip(*(column.values for column in table.columns), strict=True)
            names = [column.name for column in table.columns]
            texts = [[None if cell is None else str(cell) for cell in row] for row in rows]
            connection.execute(made.insert(), [dict(zip(names, row, strict=True)) for row in texts])
    engine.dispose()


@pytest.mark.parametrize("name", ["suitecrm", "woocommerce", "opencart"])
def test_the_views_that_it_proposes_can_be_made_in_mysql(folder, mariadb, name, monkeypatch):
    url = mariadb.create_database(f"foreign_{name}")
    create(url.replace("mysql://", "mysql+pymysql://"), SCHEMAS[name].tables)
    monkeypatch.setenv("FOREIGN", url)
    draft = propose(["FOREIGN"])
    assert 'url_env = "FOREIGN"' in draft.text
    engine = sa.create_engine(url.replace("mysql://", "mysql+pymysql://"))
    with engine.begin() as connection:
        for statement in draft.statements:
            connection.execute(sa.text(statement.replace(":", "\\:")))
        count = connection.execute(sa.text("SELECT COUNT(*) FROM svod_companies")).scalar()
    engine.dispose()
    assert count == ROWS


@pytest.mark.parametrize("name", ["espocrm", "odoo"])
def test_the_views_that_it_proposes_can_be_made_in_postgresql(folder, postgresql, name):
    url = postgresql.create_database(f"foreign_{name}")
    driver = url.replace("postgresql://", "postgresql+psycopg://")
    create(driver, SCHEMAS[name].tables)
    assert run(["init", f"--from={url}"]) == 0
    store = read(folder)
    assert store.company.tin == SCHEMAS[name].fields["company.tin"]
    draft = propose([url])
    engine = sa.create_engine(driver)
    with engine.begin() as connection:
        for statement in draft.statements:
            connection.execute(sa.text(statement))
        count = connection.execute(sa.text(f"SELECT COUNT(*) FROM {store.company.from_}")).scalar()
    engine.dispose()
    assert count == ROWS


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("mysql://u:s3cret@127.0.0.1:1/shop", "--from: the database cannot be read: "),
        ("mysql://u:s3cr@et@h:port/shop", "--from: it is no URL like mysql://"),
        ("none.csv", "--from: cannot read none.csv: No such file or directory"),
        ("empty.csv", "empty.csv is empty"),
        ("list.json", "--from: list.json holds no list of records"),
    ],
)
def test_a_place_that_cannot_be_read_is_named(folder, capsys, place, words):
    (folder / "empty.csv").write_text("")
    (folder / "list.json").write_text("[1, 2]")
    assert run(["init", f"--from={place}"]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "s3cr" not in error
    assert not (folder / "svod.toml").exists()


def test_a_variable_may_be_in_a_file(folder, capsys, monkeypatch):
    (folder / "secret").write_text("sqlite:///shop.db", "utf-8")
    monkeypatch.setenv("SVOD_SHOP_FILE", "secret")
    assert run(["init", "--from=SVOD_SHOP"]) == 2
    assert "--from: SVOD_SHOP holds no URL of mysql://" in capsys.readouterr().err
