"""The configuration file: all that is wrong in it is told at once, with key and way out."""

import tomllib
from pathlib import Path

import pytest

from pipeline.option_values.file_options import check_file_options
from transforms.configuration.builtin import built_in_configuration, built_in_text
from transforms.configuration.reading import parse_configuration, read_configuration
from transforms.core.errors import ConfigurationError

EXAMPLE = (Path(__file__).parent / "data" / "configuration" / "example.toml").read_text("utf-8")
SHOP = """
[store.shop]
[store.shop.full]
kind = "mysql"
url_env = "SHOP_URL"
[store.shop.company]
from = "customers"
id = "id"
tin = "inn"
"""
CONTACT = """
[store.shop.contact]
from = "people"
id = "id"
company = "company_id"
last_name = "surname"
"""
ORDER = """
[store.shop.order]
from = "orders"
id = "id"
company = "company_id"
"""
FILES = SHOP.replace('"mysql"\nurl_env = "SHOP_URL"', '"csv"\nfiles = ["in/*.csv"]').replace(
    'from = "customers"\n', ""
)
JSON = FILES.replace('"csv"', '"json"')


def problems(text):
    _, found = parse_configuration(tomllib.loads(text), check_file_options)
    return {problem.key: problem.text for problem in found}


def write(tmp_path, content):
    file = tmp_path / "svod.toml"
    file.write_bytes(content)
    return file


def refusal(file):
    with pytest.raises(ConfigurationError) as caught:
        read_configuration(file, check_file_options)
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [EXAMPLE, SHOP, SHOP + CONTACT, SHOP + CONTACT + ORDER, FILES, JSON, built_in_text(), ""],
)
def test_what_is_right_is_taken(text):
    assert problems(text) == {}


def test_the_example_says_what_it_says():
    configuration, _ = parse_configuration(tomllib.loads(EXAMPLE), check_file_options)
    shop = configuration.store["shop"]
    assert shop.company.only.is_ == ["org", 2]
    assert shop.contact.company_store == "shop"
    assert shop.order.cancelled == ["cancelled", "returned"]
    assert configuration.crm.responsible[1].orders_total_from == 1_000_000
    assert configuration.options["language"] == "ru"


def test_the_built_in_file_read_again_is_the_built_in_configuration():
    configuration, _ = parse_configuration(tomllib.loads(built_in_text()), check_file_options)
    assert configuration == built_in_configuration()


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        # Names and types, at any depth.
        ("[stores.shop]\n", "stores", "there is no table stores: did you mean store?"),
        (SHOP + 'chnaged_at = "m"\n', "store.shop.company.chnaged_at", "did you mean changed_at?"),
        (SHOP + 'address = { txt = "a" }\n', "store.shop.company.address.txt", "mean text?"),
        (SHOP + "only = { field = 'a', iss = ['b'] }\n", "store.shop.company.only.iss", "is"),
        (SHOP + "kpp = 7\n", "store.shop.company.kpp", "expected is a text or a table or a list"),
        (SHOP + "phones = ['a', 1]\n", "store.shop.company.phones[1]", "not a number"),
        (SHOP + 'site = ""\n', "store.shop.company.site", "not an empty one"),
        (SHOP + "site = 2024-01-01\n", "store.shop.company.site", "not a date"),
        (SHOP.replace('"mysql"', '"mysq"'), "store.shop.full.kind", "did you mean mysql?"),
        (SHOP.replace("[store.shop]", "[store.shop]\ntitel = 'x'"), "store.shop.titel", "title?"),
        ("store = 5\n", "store", "expected is a table, not a number"),
        ("options = 5\n", "options", "expected is a table, not a number"),
        ("[crm]\norders = true\n", "crm.orders", "expected is a table, not true or false"),
        # What is obligatory.
        (SHOP.replace('tin = "inn"', ""), "store.shop.company.tin", "it is missing"),
        (SHOP.replace('id = "id"', ""), "store.shop.company.id", "it is missing"),
        (SHOP.replace('from = "customers"', ""), "store.shop.company.from", "it is missing"),
        (SHOP.replace('kind = "mysql"', ""), "store.shop.full.kind", "it is missing"),
        (SHOP.replace('url_env = "SHOP_URL"', ""), "store.shop.full.url_env", "it is missing"),
        (FILES.replace('files = ["in/*.csv"]', ""), "store.shop.full.files", "it is missing"),
        ("[store.shop]\ntitle = 'x'\n", "store.shop.full", "it is missing"),
        ("[store.shop]\ntitle = 'x'\n", "store.shop.company", "it is missing"),
        (SHOP + CONTACT.replace('company = "company_id"', ""), "store.shop.contact.company", "it"),
        (SHOP + CONTACT.replace('last_name = "surname"', ""), "store.shop.contact.last_name", "it"),
        (SHOP + ORDER.replace('company = "company_id"', ""), "store.shop.order.company", "missing"),
        (SHOP + ORDER.replace('id = "id"', ""), "store.shop.order.id", "it is missing"),
        ("[crm.orders]\nmonths = 3\n", "crm.orders.title", "it is missing"),
        ("[[crm.responsible]]\nregion = ['78']\n", "crm.responsible[0].user", "it is missing"),
        # Keys of stores.
        (SHOP.replace(".shop", ".'my shop'"), "store.my shop", "1 to 16 of A-Z a-z 0-9 _"),
        (SHOP.replace(".shop", ".a2345678901234567"), "store.a2345678901234567", "1 to 16"),
        (SHOP.replace(".shop", ".'магазин'"), "store.магазин", "1 to 16 of A-Z a-z 0-9 _"),
        (SHOP + SHOP.replace(".shop", ".Shop"), "store.Shop", "by case only"),
        (
            SHOP.replace("[store.shop]", "[store.shop]\nrenamed_from = 'old'")
            + SHOP.replace(".shop", ".old"),
            "store.shop.renamed_from",
            "[store.old] still stands in the file",
        ),
        (
            SHOP.replace("[store.shop]", "[store.shop]\nrenamed_from = 'shop'"),
            "store.shop.renamed_from",
            "[store.shop] still stands in the file",
        ),
        (
            SHOP.replace("[store.shop]", "[store.shop]\nrenamed_from = 'old'")
            + SHOP.replace("[store.shop]", "[store.web]\nrenamed_from = 'old'").replace(
                ".shop", ".web"
            ),
            "store.web.renamed_from",
            "store shop goes on with the rows of old already",
        ),
        # The store's own words.
        (
            SHOP.replace("[store.shop]", "[store.shop]\ntimezone = 'Europe/Moskow'"),
            "store.shop.timezone",
            "did you mean Europe/Moscow?",
        ),
        (
            SHOP.replace("[store.shop]", "[store.shop]\ntimezone = '../etc/passwd'"),
            "store.shop.timezone",
            "there is no time zone",
        ),
        (
            SHOP.replace("[store.shop]", "[store.shop]\nid_form = 'number'"),
            "store.shop.id_form",
            'expected is "digits:N"',
        ),
        # Where a store is read.
        (SHOP.replace('"SHOP_URL"', '"mysql://h/d"'), "store.shop.full.url_env", "the name of a"),
        (
            SHOP.replace('"SHOP_URL"', '"SHOP_URL"\nfiles = ["a"]'),
            "store.shop.full.files",
            "it never applies to kind mysql, only to csv, xlsx, json, jsonl",
        ),
        (SHOP.replace('"SHOP_URL"', '"S"\nconnections = 0'), "store.shop.full.connections", "1 or"),
        (SHOP.replace('"SHOP_URL"', '"S"\nheader = 2'), "store.shop.full.header", "never applies"),
        (
            SHOP.replace('"SHOP_URL"', '"S"\nencoding = "cp1251"'),
            "store.shop.full.encoding",
            "windows-1251 in latin1",
        ),
        (
            FILES.replace("files =", 'encoding = "windows-1251 in latin1"\nfiles ='),
            "store.shop.full.encoding",
            'write encoding = "windows-1251"',
        ),
        (
            FILES.replace("files =", 'encoding = "utf-9"\nfiles ='),
            "store.shop.full.encoding",
            "there is no encoding utf-9",
        ),
        (
            FILES.replace("files =", 'encoding = "base64"\nfiles ='),
            "store.shop.full.encoding",
            "there is no encoding base64",
        ),
        (FILES.replace("files =", "header = 0\nfiles ="), "store.shop.full.header", "1 or more"),
        (
            FILES.replace("files =", "delimiter = '#'\nfiles ="),
            "store.shop.full.delimiter",
            '"tab"',
        ),
        (JSON.replace("files =", "header = 2\nfiles ="), "store.shop.full.header", "never applies"),
        (
            FILES.replace("files =", 'url_env = "S"\nfiles ='),
            "store.shop.full.url_env",
            "it never applies to kind csv, only to mysql, postgresql",
        ),
        (SHOP + "header = 2\n", "store.shop.company.header", "move it to [store.shop.full]"),
        (SHOP + "kind = 'csv'\n", "store.shop.company.files", "it is missing"),
        (FILES + 'from = "customers"\n', "store.shop.company.from", "never applies to kind csv"),
        (
            SHOP.replace('"customers"', '"(select * from customers) c"'),
            "store.shop.company.from",
            "no SQL: make a view",
        ),
        # Changes.
        (
            SHOP + '[store.shop.changes]\nkind = "cursor"\n',
            "store.shop.company.changed_at",
            "it is missing: a cursor goes by it",
        ),
        (
            FILES + 'changed_at = "m"\n[store.shop.changes]\nkind = "cursor"\n',
            "store.shop.changes.kind",
            "a cursor reads a database",
        ),
        (SHOP + '[store.shop.changes]\nkind = "kafka"\n', "store.shop.changes.topic", "missing"),
        (SHOP + '[store.shop.changes]\nkind = "kafka"\n', "store.shop.changes.brokers", "missing"),
        (
            SHOP + '[store.shop.changes]\nkind = "kafka"\ntopic = "t"\nbrokers = "https://h"\n',
            "store.shop.changes.brokers",
            "host:port",
        ),
        (SHOP + '[store.shop.changes]\nkind = "files"\n', "store.shop.changes.kind", "files"),
        (
            FILES + '[store.shop.changes]\nkind = "files"\ntopic = "t"\n',
            "store.shop.changes.topic",
            "it never applies to kind files, only to kafka",
        ),
        # Rules that can never apply.
        (SHOP + "only = { field = 'a' }\n", "store.shop.company.only", "is, is_not or filled"),
        (SHOP + "only = { field = 'a', is = [] }\n", "store.shop.company.only.is", "empty"),
        (
            SHOP + "only = { field = 'a', is = ['X '], is_not = ['x'] }\n",
            "store.shop.company.only.is",
            "no row is left",
        ),
        (
            SHOP + "only = { field = 'a', is = ['x'], filled = false }\n",
            "store.shop.company.only.filled",
            "none of these values",
        ),
        (SHOP + "phones = []\n", "store.shop.company.phones", "an empty list"),
        (SHOP.replace('"id"', "{ constant = 1 }"), "store.shop.company.id", "a constant"),
        (
            JSON + "address = { text = 'a', prefer = { field = 'k', is = ['x'] } }\n",
            "store.shop.company.address.prefer",
            "it needs each",
        ),
        (
            SHOP + "address = { text = 'a', each = 'b' }\n",
            "store.shop.company.address.each",
            "only json, jsonl and kafka",
        ),
        (JSON + "address = { each = 'b' }\n", "store.shop.company.address", "it names no field"),
        (SHOP + "bank = { bik = 'b' }\n", "store.shop.company.bank.account", "it is missing"),
        (SHOP + "orders = { currency = 'c' }\n", "store.shop.company.orders", "names no field"),
        (SHOP + "extra = { 'a.b' = 'c' }\n", "store.shop.company.extra.a.b", "letters, digits"),
        (
            SHOP + CONTACT + 'company_store = "shoop"\n',
            "store.shop.contact.company_store",
            "there is no store shoop: did you mean shop?",
        ),
        (
            SHOP.replace("[store.shop.company]\n", "").replace(
                'from = "customers"\nid = "id"\ntin = "inn"\n', ""
            )
            + CONTACT,
            "store.shop.contact.company_store",
            "has no companies",
        ),
        (SHOP + ORDER + "contact = 'c'\n", "store.shop.order.contact", "the store has no contacts"),
        (SHOP + ORDER + "cancelled = ['x']\n", "store.shop.order.status", "it is missing"),
        (
            JSON.replace('"inn"', "\"a[?b=='c'\""),
            "store.shop.company.tin",
            "no JMESPath",
        ),
        (JSON.replace('"inn"', '"lower(a)"'), "store.shop.company.tin", "it calls lower"),
        (
            JSON + "only = { field = 'a[', is = [1] }\n",
            "store.shop.company.only.field",
            "no JMESPath",
        ),
        # The portal.
        (SHOP + "[crm.company]\nufA = 'register.stat'\n", "crm.company.ufA", "register.status?"),
        (SHOP + "[crm.company]\nufA = 'extra.abc'\n", "crm.company.ufA", "extra of a store"),
        (SHOP + "[crm.contact]\nufA = 'title'\n", "crm.contact.ufA", "there is no value title"),
        (
            SHOP + "[crm.company]\nufCrmA = 'tin'\nUF_CRM_A = 'kpp'\n",
            "crm.company.UF_CRM_A",
            "it is the same field as ufCrmA",
        ),
        (SHOP + "[crm.orders]\ntitle = 'x'\n", "crm.orders", "no store has a table order"),
        (SHOP + ORDER + "[crm.orders]\ntitle = 'x'\nmonths = -1\n", "crm.orders.months", "0"),
        (
            SHOP + ORDER + "[crm.orders]\ntitle = 'x'\nlink = 'https://h/{nomber}'\n",
            "crm.orders.link",
            "did you mean {number}?",
        ),
        (
            SHOP + "[[crm.responsible]]\nuser = 1\nstore = 'shap'\n",
            "crm.responsible[0].store",
            "did you mean shop?",
        ),
        (
            SHOP + "[[crm.responsible]]\nuser = 1\nregion = ['7']\n",
            "crm.responsible[0].region",
            "two digits",
        ),
        (
            SHOP
            + "[[crm.responsible]]\nuser = 1\n[[crm.responsible]]\nuser = 2\nregion = ['78']\n",
            "crm.responsible[1]",
            "an earlier rule takes all of its companies",
        ),
        (SHOP + "[[crm.responsible]]\nuser = 0\n", "crm.responsible[0].user", "1 or more"),
    ],
)
def test_what_is_wrong_is_named(text, key, words):
    told = problems(text)
    assert words in told[key], told
    assert "SHOP_URL" not in str(told)


def test_all_is_told_at_once(tmp_path):
    text = SHOP.replace('tin = "inn"', 'tinn = "inn"\nonly = { field = "a" }')
    text += "[crm.company]\nufA = 'titel'\n[options]\ncrm_rate = 0\n"
    file = write(tmp_path, text.encode())
    lines = refusal(file).splitlines()
    assert lines[0] == f"{file}: 5 problems:"
    assert sorted(line.split(": ")[0].strip() for line in lines[1:]) == [
        "crm.company.ufA",
        "options.crm_rate",
        "store.shop.company.only",
        "store.shop.company.tin",
        "store.shop.company.tinn",
    ]


def test_one_problem_is_told_in_one_line(tmp_path):
    file = write(tmp_path, SHOP.replace("tin =", "tim =").encode() + b'tin = "x"\n')
    assert (
        refusal(file) == f"{file}: store.shop.company.tim: there is no key tim: did you mean tin?"
    )


@pytest.mark.parametrize(
    "line",
    [
        'title = "mysql://u:s3cret@h/d"',
        'url_env = "mysql://u:s3cret@h/d"',
        'brokers = "u:s3cret@h:9092"',
        'kind = "mysql://u:s3cret@h/d"',
        'url = "mysql://u:s3cret@h/d"',
        'password = "s3cret"',
    ],
)
def test_a_secret_is_refused_and_not_shown(line):
    table = "changes" if "brokers" in line else "full"
    told = problems(f"[store.shop.{table}]\n{line}\n[store.shop.company]\nid = 'i'\ntin = 't'\n")
    assert told
    assert "s3cret" not in str(told)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[store.shop\n", "it is not TOML: Expected ']'"),
        (b"\n\na = \n", "(at line 3, column 5)"),
        (b"[options]\n[options]\n", "line 2"),
        (b"title = '\xcc\xe0\xe3'\n", "it is not UTF-8 text: save it as UTF-8"),
        ("title = 1\n".encode("utf-16"), "it is not UTF-8 text"),
        (b"a = " + b"[" * 100_000, "it is not TOML"),
    ],
)
def test_a_file_that_is_no_toml_is_named(tmp_path, content, words):
    file = write(tmp_path, content)
    text = refusal(file)
    assert text.startswith(str(file))
    assert words in text


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path):
    file = write(tmp_path, SHOP.encode("utf-8-sig"))
    assert list(read_configuration(file, check_file_options).store) == ["shop"]


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    assert refusal(tmp_path) == f"--config: cannot read {tmp_path}: Is a directory"
    assert "No such file" in refusal(tmp_path / "none.toml")
