"""The configuration file in a command: its place, ``[options]``, options laid over its stores."""

import pytest

from pipeline.__main__ import _parser
from pipeline.checks import check_stores
from pipeline.options import resolve
from transforms.configuration.selection import readable_stores
from transforms.core.errors import ConfigurationError

SHOP = """
[store.shop.full]
kind = "mysql"
url_env = "SHOP_URL"
[store.shop.company]
from = "customers"
id = "id"
tin = "inn"
"""
STORE_A = SHOP.replace("store.shop", "store.A")


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    for name in ("SVOD_STORE_A", "SVOD_KAFKA", "SVOD_LEDGER", "SVOD_CRM", "SVOD_REGISTER"):
        # Set first: the variables that a command publishes go with the test.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def options(*arguments):
    return resolve(*_parser().parse_known_args(list(arguments)))


def write(folder, text, name="svod.toml"):
    (folder / name).write_text(text, "utf-8")
    return str(folder / name)


def problem(*arguments):
    with pytest.raises(ConfigurationError) as caught:
        options(*arguments)
    return str(caught.value)


def test_without_a_file_the_built_in_stores_hold():
    chosen = options("full")
    assert list(chosen.configuration.store) == ["A", "B"]
    assert readable_stores(chosen.configuration, "full") == {}


def test_the_file_of_the_working_folder_is_found(folder):
    write(folder, SHOP)
    assert list(options("full").configuration.store) == ["shop"]


def test_the_named_file_goes_before_the_variables(folder, monkeypatch):
    write(folder, SHOP)
    monkeypatch.setenv("SVOD_CONFIG", write(folder, SHOP.replace("shop", "web"), "web.toml"))
    assert list(options("full").configuration.store) == ["web"]
    file = write(folder, SHOP.replace("shop", "own"), "own.toml")
    assert list(options("full", f"--config={file}").configuration.store) == ["own"]


def test_a_file_that_is_named_must_be_there():
    assert problem("status", "--config=no.toml") == (
        "--config: cannot read no.toml: No such file or directory"
    )


def test_a_file_without_stores_keeps_the_built_in_ones(folder, monkeypatch):
    write(folder, "[options]\ncrm_rate = 5\n")
    chosen = options("full")
    assert list(chosen.configuration.store) == ["A", "B"]
    assert chosen.crm_rate == 5


def test_the_command_line_goes_before_the_environment_and_that_before_the_file(folder, monkeypatch):
    write(
        folder, '[options]\ncrm_rate = 5\nregister = "https://file"\nledger = "sqlite:///own.db"\n'
    )
    assert options("full").register == "https://file"
    assert options("status").ledger == f"sqlite:///{folder}/own.db"
    monkeypatch.setenv("SVOD_REGISTER", "https://variable")
    assert options("full").register == "https://variable"
    chosen = options("full", "--register=https://line", "--crm_rate=7")
    assert (chosen.register, chosen.crm_rate) == ("https://line", 7)


def test_a_secret_is_named_by_its_variable(folder, monkeypatch):
    write(folder, '[options]\ncrm_env = "PORTAL"\n')
    assert problem("full").startswith("options.crm_env: the variable PORTAL is not set")
    (folder / "portal").write_text("https://b24.example/rest/1/k3y/\n")
    monkeypatch.setenv("PORTAL_FILE", str(folder / "portal"))
    assert options("full").crm == "https://b24.example/rest/1/k3y/"
    # A command that does not load does not miss it.
    monkeypatch.delenv("PORTAL_FILE")
    assert options("status").crm == ""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("crm_rat = 5", "options.crm_rat: there is no option crm_rat: did you mean crm_rate?"),
        ('crm_rate = "fast"', "options.crm_rate: expected is a number, not a text"),
        ("crm_rate = -1", "options.crm_rate: -1 is not a positive number"),
        ("crm_burst = true", "options.crm_burst: expected is a number, not true or false"),
        ('one_machine = "yes"', "options.one_machine: expected is true or false, not a text"),
        ('store_b_encoding = "koi8-r"', "options.store_b_encoding: expected is one of utf-8, "),
        ('since = "2024-01-01"', "options.since: --since is said for one run"),
        ("follow = true", "options.follow: --follow is said for one run"),
        ('only = "company"', "options.only: --only is said for one run"),
        ("accept_changes = true", "options.accept_changes: --accept_changes is said for one run"),
        ('crm = "https://b24/rest/1/k3y/"', 'write crm_env = "VARIABLE"'),
        ('ledger = "mysql://u:k3y@h/d"', 'write ledger_env = "VARIABLE"'),
        ('ledger_env = "mysql://u:k3y@h/d"', "expected is the name of a variable"),
        ("report = 1979-05-27", "options.report: expected is a text, not a date"),
    ],
)
def test_a_wrong_option_in_the_file_is_named(folder, line, words):
    write(folder, f"[options]\n{line}\n")
    text = problem("status")
    assert words in text
    assert "svod.toml: " in text
    assert "k3y" not in text


def test_all_wrong_options_are_told_at_once(folder):
    write(folder, "[options]\ncrm_rate = 0\ncrm_brust = 1\n")
    text = problem("status")
    assert "2 problems" in text
    assert "options.crm_rate: 0 is" in text
    assert "did you mean crm_burst?" in text


def test_options_are_laid_over_the_stores_of_their_keys(folder):
    write(folder, STORE_A)
    assert options("full").configuration.store["A"].full.url_env == "SHOP_URL"
    full = (
        options("full", "--store_a=mysql://h/d", "--store_a_connections=7")
        .configuration.store["A"]
        .full
    )
    assert (full.url_env, full.connections) == ("SVOD_STORE_A", 7)


def test_options_are_laid_over_the_built_in_stores():
    chosen = options("plan", "--store_b_files=a.json,b.json", "--store_b_encoding=windows-1251")
    full = chosen.configuration.store["B"].full
    assert (full.files, full.encoding) == (["a.json", "b.json"], "windows-1251")
    assert list(readable_stores(chosen.configuration, "full")) == ["B"]
    chosen = options("delta", "--store_b_kafka=h:1", "--store_b_topic=t", "--store_a_window=3")
    changes = chosen.configuration.store["B"].changes
    assert (changes.brokers_env, changes.topic, changes.group) == ("SVOD_KAFKA", "t", "svod")
    assert chosen.configuration.store["A"].changes.trailing_minutes == 3
    assert list(readable_stores(chosen.configuration, "delta")) == ["B"]


@pytest.mark.parametrize(
    "option", ["--store_a=mysql://h/d", "--store_b_files=x.json", "--store_a_connections=3"]
)
def test_an_option_without_its_store_is_refused(folder, option):
    write(folder, SHOP)
    text = problem("full", option)
    assert text.startswith(f"{option.partition('=')[0]}: the configuration file has no store ")
    assert "only shop" in text


def test_an_option_whose_store_is_read_in_another_way_is_refused(folder):
    write(folder, STORE_A.replace('"mysql"\nurl_env = "SHOP_URL"', '"xlsx"\nfiles = ["x"]'))
    assert "[store.A.full] of the configuration file is not a database" in problem(
        "full", "--store_a=mysql://h/d"
    )


def test_a_variable_without_its_store_is_a_warning(folder, monkeypatch):
    write(folder, SHOP)
    monkeypatch.setenv("SVOD_STORE_A", "mysql://h/d")
    chosen = options("full")
    assert [warning for warning in chosen.warnings if "SVOD_STORE_A is not used" in warning]
    assert chosen.store_a == ""


def test_a_variable_of_the_files_store_that_is_not_set_is_named(folder, monkeypatch):
    write(folder, SHOP)
    with pytest.raises(ConfigurationError) as caught:
        check_stores(options("full"), "full", "full")
    assert str(caught.value).startswith(
        "svod.toml: store.shop.full.url_env: the variable SHOP_URL is not set"
    )
    monkeypatch.setenv("SHOP_URL_FILE", "/run/secrets/shop")
    check_stores(options("full"), "full", "full")
    with pytest.raises(ConfigurationError, match=r"\[store\.KEY\.changes\]"):
        check_stores(options("delta"), "delta", "delta")


def test_paths_are_those_of_the_files_folder(folder):
    (folder / "etc").mkdir()
    text = """
[options]
report = "report"
[store.shop.full]
kind = "csv"
files = ["in/*.csv", "/abs/x.csv", "gs://bucket/x.csv"]
[store.shop.company]
id = "id"
tin = "inn"
files = ["own.csv"]
"""
    file = write(folder, text, "etc/svod.toml")
    chosen = options("full", f"--config={file}")
    shop = chosen.configuration.store["shop"]
    assert shop.full.files == [f"{folder}/etc/in/*.csv", "/abs/x.csv", "gs://bucket/x.csv"]
    assert shop.company.files == [f"{folder}/etc/own.csv"]
    assert chosen.report == f"{folder}/etc/report"
    (folder / "etc/svod.toml").rename(folder / "svod.toml")
    assert options("full").configuration.store["shop"].full.files[0] == "in/*.csv"


def test_what_has_no_effect_yet_is_a_warning_and_not_a_silence(folder):
    order = '[store.shop.order]\nfrom = "orders"\nid = "id"\ncompany = "firm"\n'
    write(folder, SHOP + order + '[crm.orders]\ntitle = "Заказы"\n[options]\nlanguage = "en"\n')
    assert options("full").warnings == [
        "svod.toml: options.language has no effect in this version",
        "svod.toml: crm.orders has no effect in this version",
    ]
