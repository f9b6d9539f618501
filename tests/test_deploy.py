"""The files of ``deploy/`` are valid for their programs, and call svod with valid options."""

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from pipeline import __main__ as command_line
from pipeline import options

DEPLOY = Path(__file__).parents[1] / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
CALL = re.compile(r"/opt/svod/\.venv/bin/svod ([^'>\n]*)")


def calls():
    """Each command line of svod in ``deploy/``, by the file that it stands in."""
    for path in sorted(DEPLOY.rglob("*")):
        if path.is_file() and path.suffix not in (".md", ".yaml"):
            for found in CALL.findall(path.read_text()):
                yield pytest.param(shlex.split(found), id=f"{path.name} {found.split()[0]}")
    [follower] = [
        document for document in documents() if document["metadata"]["name"] == "svod-follow"
    ]
    [container] = follower["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["svod"]
    yield pytest.param(container["args"], id="svod.yaml")


def documents():
    return list(yaml.safe_load_all((DEPLOY / "kubernetes" / "svod.yaml").read_text()))


@pytest.mark.parametrize("arguments", list(calls()))
def test_svod_knows_the_options(arguments, monkeypatch):
    for name in ("SVOD_STORE_A", "SVOD_KAFKA", "SVOD_LEDGER", "SVOD_CRM"):
        monkeypatch.delenv(name, raising=False)
    arguments_read, rest = command_line._parser().parse_known_args(arguments)
    assert arguments_read.run
    assert options.beam_arguments(rest) == rest


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not here")
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_takes_the_units(unit, tmp_path):
    for path in UNITS:
        text = path.read_text().replace("/opt/svod/.venv/bin/svod", "/bin/true")
        (tmp_path / path.name).write_text(text)
    verified = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / unit.name],
        capture_output=True,
        text=True,
        check=False,
    )
    assert [line for line in verified.stderr.splitlines() if tmp_path.name in line] == []


def test_supervisor_finishes_what_is_held():
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";",))
    text = (DEPLOY / "supervisor" / "svod.conf").read_text()
    parser.read_string(re.sub(r"^command=.*$", "", text, flags=re.M))
    program = parser["program:svod"]
    assert (program["stopsignal"], program["stopwaitsecs"]) == ("TERM", "600")


def test_the_environment_names_what_svod_reads():
    lines = (DEPLOY / "environment.example").read_text().splitlines()
    names = {line.split("=")[0] for line in lines if not line.startswith("#")}
    [config] = [document for document in documents() if document["metadata"]["name"] == "svod"]
    arguments_read = set(options._VARIABLES.values())
    assert {name.removesuffix("_FILE") for name in names | config["data"].keys()} == arguments_read


def test_kubernetes_objects_fit_together():
    found = {(document["kind"], document["metadata"]["name"]): document for document in documents()}
    assert len(found) == len(documents())
    configs = {name for kind, name in found if kind == "ConfigMap"}
    for (kind, name), document in found.items():
        if kind == "Service":
            assert ("Deployment", document["spec"]["selector"]["app"]) in found
        if kind == "Deployment":
            pod = document["spec"]["template"]
            assert pod["metadata"]["labels"] == document["spec"]["selector"]["matchLabels"]
            assert pod["metadata"]["labels"] == {"app": name}
            for container in pod["spec"]["containers"]:
                for source in container.get("envFrom", ()):
                    assert source["configMapRef"]["name"] in configs
    assert found["Deployment", "svod-follow"]["spec"]["strategy"] == {"type": "Recreate"}
