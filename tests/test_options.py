"""Options: where they come from, and what is said when they are wrong, before anything is read."""

import pytest
from apache_beam.options.pipeline_options import PortableOptions

from pipeline.engine import engine_options
from pipeline.options import DEFAULT_LEDGER, Options
from sandbox import store_a
from sandbox.register import server
from tests.helpers.installation import CODE, party, tin

SECRETS = ("SVOD_STORE_A", "SVOD_CRM", "SVOD_REGISTER_TOKEN")


@pytest.fixture
def ready(place):
    """One company in each store."""
    place.know([party(tin(1), "АЛЬФА")])
    place.company(1, tin(1))
    place.export()
    return place


def refused(place, ended, *words):
    """It ended with 2 and these words in one line, and nothing was read or written."""
    assert ended.code == 2, ended
    assert ended.out == ""
    *warnings, line = [line for line in ended.err.splitlines() if not line.startswith("Try: ")]
    assert line.startswith("svod: ")
    for text in words:
        assert text in line
    for secret in (CODE, server.TOKEN, store_a.PASSWORD):
        assert secret not in ended.err
    assert place.portal.stats.writes == 0
    assert place.register.stats()["requests"] == 0
    return warnings


@pytest.mark.parametrize(
    ("missing", "option"),
    [
        ("SVOD_CRM", "--crm (or SVOD_CRM, or SVOD_CRM_FILE) is needed"),
        ("SVOD_REGISTER", "--register (or SVOD_REGISTER, or SVOD_REGISTER_FILE) is needed"),
        ("SVOD_REGISTER_TOKEN", "--register_token (or SVOD_REGISTER_TOKEN, or "),
    ],
)
def test_what_is_missing_is_named(ready, missing, option):
    del ready.environment[missing]
    assert refused(ready, ready.full(), option) == []


def test_a_store_is_needed(ready):
    refused(ready, ready.full(sources=[]), "--store_a or --store_b_files is needed")


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--store_a=postgres://svod@host/shop", "--store_a: it does not begin with mysql://"),
        ("--store_a=mysql://svod:only-select@/shop", "--store_a: it names no host"),
        ("--store_b_files=/nowhere/*.json", "--store_b_files: no file matches /nowhere/*.json"),
        ("--store_b_encoding=koi8-r", "argument --store_b_encoding: invalid choice: 'koi8-r'"),
        ("--crm=https://b24.example/rest/1/", "--crm is not the address of an inbound webhook"),
        (f"--crm=http://b24.example/rest/1/{CODE}/", "--crm must begin with https://"),
        ("--crm_rate=fast", "argument --crm_rate: fast is not a positive number"),
        ("--crm_burst=0", "argument --crm_burst: 0 is not a positive whole number"),
        ("--register=register", "--register is not a URL like https://host/path."),
        ("--register=http://register.example", "--register must begin with https://"),
        ("--register_token=kéy", "SVOD_REGISTER_TOKEN is empty or not a key"),
        ("--register_rate=nan", "argument --register_rate: nan is not a positive number"),
        ("--register_daily=-1", "argument --register_daily: -1 is not a positive whole number"),
        ("--since=2024-02-30", "argument --since: 2024-02-30 is not a date: write YYYY-MM-DD"),
        ("--ledger=oracle://host/db", "--ledger: "),
        ("--ledger=svod.db", "--ledger: "),
        ("--ledger=sqlite://", "--ledger: it names no file"),
        ("--ledger=sqlite:////nowhere/svod.db", "--ledger: cannot open it: unable to open"),
        ("--ledger=mysql://svod:only-select@127.0.0.1:1/svod", "--ledger: cannot open it: "),
        ("--report=/dev/null/report", "--report: cannot make /dev/null/report: Not a directory"),
        ("--ledger=mysql://svod:p@ss:only-select@host:3306/svod", "it cannot be read as a URL"),
        ("--ledger=mysql://svod:p@only-select@host/svod", "--ledger: it cannot be read as a URL"),
        ("--store_c=1", "svod: --store_c: neither svod nor Beam has such an option"),
        ("--sto=1", "svod: --sto: neither svod nor Beam has such an option"),
        (f"--register-token={server.TOKEN}", "--register-token: neither svod nor Beam has such"),
        (f"--register_tokens:{server.TOKEN}", "--register_tokens: neither svod nor Beam has such"),
        (f"-crm={CODE}", "svod: -crm: neither svod nor Beam has such an option"),
        (server.TOKEN, "it may be a secret): neither svod nor Beam has such an option"),
        (f"http://b24.example/rest/1/{CODE}/", "it may be a secret): neither svod nor Beam has"),
    ],
)
def test_what_is_wrong_is_named(ready, option, words):
    refused(ready, ready.full(option), words)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ((), "the following arguments are required: COMMAND"),
        (("fill",), "argument COMMAND: invalid choice: 'fill'"),
        ((f"mysql://svod:{store_a.PASSWORD}@host/shop",), "invalid choice: 'mysql://***:***@host"),
        (("register",), "the following arguments are required: action, FILE"),
        (("register", "export", "x"), "invalid choice: 'export'"),
        (("register", "import", "/nowhere.zip"), "register import: there is no file /nowhere.zip"),
        (("explain",), "the following arguments are required: TIN|STORE:ID"),
        (("status", "--crm=x"), "svod: --crm: neither svod nor Beam has such an option"),
        (("status", CODE), "the command takes no such word (not shown, for it may be a secret)"),
        (("replay", "--store_a=x"), "svod: --store_a: neither svod nor Beam has such an option"),
    ],
)
def test_wrong_usage(ready, command, words):
    refused(ready, ready.svod(*command), words)


def test_help_names_all_commands(place):
    ended = place.svod("--help")
    assert ended.code == 0
    for command in ("full", "replay", "register", "explain", "status", "report"):
        assert f"    {command} " in ended.out


def test_secrets_come_from_files(ready):
    for name in (*SECRETS, "SVOD_REGISTER", "SVOD_LEDGER"):
        file = ready.folder / name
        file.write_text(f"{ready.environment.pop(name)}\n")
        ready.environment[f"{name}_FILE"] = str(file)
    ended = ready.full("--store_a_connections=1", f"--store_b_files={ready.files}/*.json")
    assert (ended.code, list(ready.titles())) == (0, [tin(1)])
    assert "warning" not in ended.err


def test_a_secrets_file_that_cannot_be_read_is_named(ready):
    ready.environment["SVOD_CRM_FILE"] = "/nowhere/crm"
    del ready.environment["SVOD_CRM"]
    refused(ready, ready.full(), "SVOD_CRM_FILE: cannot read /nowhere/crm")
    # Commands that do not load do not miss it.
    assert ready.svod("status").code == 0


def test_secrets_on_the_command_line_work_with_a_warning(ready, mariadb):
    with ready.root.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE DATABASE svod")
        cursor.execute(f"GRANT ALL ON svod.* TO {store_a.READER}@'%'")
    ledger = mariadb.url("svod", store_a.READER, store_a.PASSWORD)
    arguments = {
        "store_a": ready.environment.pop("SVOD_STORE_A"),
        "crm": ready.environment.pop("SVOD_CRM"),
        "register_token": ready.environment.pop("SVOD_REGISTER_TOKEN"),
        "ledger": ledger,
    }
    ended = ready.full(*(f"--{name}={value}" for name, value in arguments.items()))
    assert (ended.code, list(ready.titles())) == (0, [tin(1)])
    warnings = [line for line in ended.err.splitlines() if line.startswith("warning: ")]
    for name, line in zip(arguments, warnings, strict=True):
        assert line == (
            f"warning: --{name} holds a secret and stands in the list of processes: better set"
            f" SVOD_{name.upper()}, or SVOD_{name.upper()}_FILE to a file that holds it"
        )
    for secret in (CODE, server.TOKEN, store_a.PASSWORD):
        assert secret not in ended.err + ended.out


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?ssl_mode=REQUIRED", "--ledger: it cannot be read as a URL: the driver does not know"),
        ("?ssl_ca=/nowhere/ca.pem", "(ssl_ca, ssl_cert or ssl_key) cannot be read: No such file"),
    ],
)
def test_a_ledgers_tls_that_cannot_be_had_is_named(ready, mariadb, query, words):
    ready.environment["SVOD_LEDGER"] = (
        mariadb.url("svod", store_a.READER, store_a.PASSWORD).partition("?")[0] + query
    )
    refused(ready, ready.full(), words)
    assert ready.svod("status").code == 2


def test_the_ledger_is_in_the_working_folder_by_default(ready, monkeypatch):
    del ready.environment["SVOD_LEDGER"]
    monkeypatch.chdir(ready.folder)
    assert ready.svod("status").out.startswith("No run yet")
    assert DEFAULT_LEDGER == "sqlite:///svod.db"
    assert (ready.folder / "svod.db").exists()


def test_what_svod_does_not_know_goes_to_beam(ready):
    ended = ready.full("--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner")
    assert (ended.code, list(ready.titles())) == (0, [tin(1)])
    ended = ready.full("--runner=Sprinter")
    assert ended.code == 2
    assert "Sprinter" in ended.err


@pytest.mark.parametrize(
    ("arguments", "days"),
    [
        (["--runner=PrismRunner"], 3650),
        (["--runner=PrismRunner", "--job_server_timeout=864000"], 10),
        # Whether another program's job server is there should be known soon.
        (["--runner=PrismRunner", "--job_endpoint=127.0.0.1:1"], 0),
        (["--runner=FlinkRunner"], 0),
        ([], 0),
    ],
)
def test_a_job_on_prism_may_take_longer_than_a_request(arguments, days):
    beam_options = engine_options(Options(beam=arguments)).view_as(PortableOptions)
    assert beam_options.job_server_timeout // 86_400 == days
