"""``run_local.sh`` itself: twice, interrupted, killed, from a folder whose name has blanks."""

import re
import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import pytest

from sandbox.local.folder import FolderError, lock_folder, tidy
from sandbox.local.run import parser
from sandbox.local.stores import StoredWorld

CHECKOUT = Path(__file__).parents[1]
SCRIPT = CHECKOUT / "run_local.sh"
NOTHING = "Nothing was written: Bitrix24 counted "
EXACT = "The CRM holds exactly the "
PATIENCE = 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of all runs of this file; each run finds the files of the previous one."""
    return tmp_path_factory.mktemp("local run") / "kept here"


def start(folder, *options):
    return subprocess.Popen(
        ["bash", SCRIPT, "--folder", folder, "--scale", "0.001", *options],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(run):
    """Returns the exit code and the output."""
    printed = run.communicate(timeout=PATIENCE)[0]
    return run.returncode, printed


def left_running(folder):
    """Returns the commands of processes that name the folder or work in it."""
    commands = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace")
            if str(folder) in command or str(folder) in str((process / "cwd").readlink()):
                commands.append(command)
        except OSError:
            continue
    return commands


def await_truth(question):
    deadline = time.monotonic() + PATIENCE
    while not question():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def has_run(folder):
    """Whether the ledger has an unfinished run."""
    try:
        with closing(sqlite3.connect(f"file:{folder / 'svod.db'}?mode=ro", uri=True)) as ledger:
            query = "SELECT count(*) FROM runs WHERE status = 'running'"
            return ledger.execute(query).fetchone() == (1,)
    except sqlite3.OperationalError:
        return False


def test_an_interrupted_run_leaves_nothing_running_and_the_next_ones_finish(folder):
    run = start(folder)
    await_truth(lambda: has_run(folder))
    run.send_signal(signal.SIGINT)
    code, printed = finish(run)
    assert (code, left_running(folder)) == (130, [])
    assert "Interrupted: everything is ended, the next run goes on from here." in printed

    code, printed = finish(start(folder))
    assert code == 0, printed
    assert EXACT in printed
    assert (folder / "report" / "report.html").exists()

    code, printed = finish(start(folder))
    assert code == 0, printed
    assert EXACT in printed
    assert NOTHING in printed
    assert "complains" not in printed
    assert left_running(folder) == []


def test_it_stays_up_when_asked_and_survives_a_kill(folder):
    run = start(folder, "--keep")
    lines = []
    while not lines or not lines[-1].startswith("export "):
        lines.append(next(run.stdout))
    page = re.search(r"look at the CRM: (\S+)", "".join(lines))[1]
    with urlopen(page) as answer:
        assert answer.status == 200
    with pytest.raises(FolderError, match=f"in use by another run .process {run.pid}."):
        lock_folder(folder).__enter__()

    run.kill()
    finish(run)
    await_truth(lambda: left_running(folder) == [])

    code, printed = finish(start(folder))
    assert code == 0, printed
    assert NOTHING in printed


def test_the_crm_follows_what_changes_in_both_stores(folder):
    code, printed = finish(start(folder, "--delta"))
    assert code == 0, printed
    assert len(re.findall(r"^  (?:store A|topic): .*: in the CRM after", printed, re.M)) == 4
    assert "svod delta --follow has finished what it held, and ended with 0." in printed
    assert left_running(folder) == []
    # The stores are no longer what the truth says.
    code, printed = finish(start(folder))
    assert code == 0, printed
    assert EXACT in printed
    assert NOTHING not in printed


def test_another_world_starts_anew(folder):
    code, printed = finish(start(folder, "--seed", "2"))
    assert code == 0, printed
    assert "Throws away the world of scale 0.001, seed 1." in printed
    assert EXACT in printed
    assert NOTHING not in printed


def test_a_third_store_is_read_as_its_file_says(folder):
    code, printed = finish(start(folder, "--shop"))
    assert code == 0, printed
    assert EXACT in printed
    assert "Each of the 991 rows of the stores came to the end that it should." in printed
    rows = (folder / "truth.jsonl").read_text().splitlines()
    assert (len(rows), sum('"source":"shop"' in row for row in rows)) == (991, 70)
    assert sum('"source":"books"' in row for row in rows) == 68
    assert left_running(folder) == []
    tables = re.findall(r"^\[store[^]]*\]", (folder / "svod.toml").read_text("utf-8"), re.M)
    assert {"[store.A]", "[store.B]", "[store.shop.order]", "[store.books.contact]"} < set(tables)
    shown = re.findall(r"^    (\[store[^]]*\])", printed, re.M)
    assert shown == [table for table in tables if table[7] in "sb"]

    code, printed = finish(start(folder, "--shop"))
    assert code == 0, printed
    assert EXACT in printed
    assert NOTHING in printed

    tidy(folder, StoredWorld(0.001, 1), fresh=False)
    # A run of the two stores would read it.
    assert not (folder / "svod.toml").exists()


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "letter").touch()
    code, printed = finish(start(tmp_path))
    assert code == 1
    assert printed.endswith(f"{tmp_path} holds other things: give --folder another one\n")


def test_help_names_every_option_and_installs_nothing(tmp_path):
    copy = tmp_path / "run_local.sh"
    copy.write_bytes(SCRIPT.read_bytes())
    process = subprocess.run(["bash", copy, "--help"], capture_output=True, text=True, check=True)
    options = {action.option_strings[-1] for action in parser()._actions}
    assert set(re.findall(r"--[a-z]+", process.stdout)) | {"--help"} == options


@pytest.mark.parametrize("options", [["--scale", "0"], ["--scale", "much"], ["--sale", "1"]])
def test_wrong_usage(folder, options):
    code, printed = finish(start(folder, *options))
    assert code == 2
    assert "run_local.sh: error: " in printed
