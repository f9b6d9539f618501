"""The template for Dataflow: its parameters, its secrets, and its launcher on a local runner."""

import base64
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import sqlalchemy as sa

from flex_template.boot import VARIABLES, fill
from pipeline.arguments import Parser, add_full
from sandbox.bitrix24 import Bitrix24
from sandbox.register.server import TOKEN, Register
from sandbox.store_b import write_store_b
from sandbox.world.world import World

TEMPLATE = Path(__file__).parents[1] / "flex_template"
SECRET_OPTIONS = {"store_a", "crm", "register_token", "ledger"}
VERSION = "projects/p/secrets/svod-crm/versions/latest"


def parameters():
    told = json.loads((TEMPLATE / "metadata.json").read_text())["parameters"]
    return {parameter["name"]: parameter for parameter in told}


def test_every_parameter_is_an_option_and_none_is_a_secret():
    parser = Parser()
    add_full(parser)
    known = {action.dest for action in parser._actions}
    assert parameters().keys() <= known
    assert not parameters().keys() & SECRET_OPTIONS


class SecretManager(BaseHTTPRequestHandler):
    """Plays the metadata server and Secret Manager."""

    def do_GET(self):
        if self.path == "/account/token" and self.headers["Metadata-Flavor"] == "Google":
            self._answer(200, {"access_token": "pass"})
        elif self.headers["Authorization"] == "Bearer pass" and self.path == f"/{VERSION}:access":
            data = base64.b64encode("https://b24.example/rest/1/код/".encode()).decode()
            self._answer(200, {"payload": {"data": data}})
        else:
            self._answer(403, {})

    def _answer(self, status, body):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture
def secret_manager():
    with ThreadingHTTPServer(("127.0.0.1", 0), SecretManager) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_secrets_that_are_named_are_fetched(secret_manager):
    environment = {"SVOD_CRM_SECRET": VERSION, "SVOD_STORE_A_SECRET": ""}
    fill(environment, f"{secret_manager}/account", secret_manager)
    assert environment["SVOD_CRM"] == "https://b24.example/rest/1/код/"
    assert "SVOD_STORE_A" not in environment


def test_a_secret_that_may_not_be_read_stops_the_worker(secret_manager):
    with pytest.raises(OSError, match="403"):
        fill({"SVOD_LEDGER_SECRET": "projects/p/x"}, f"{secret_manager}/account", secret_manager)


def test_without_names_nobody_is_asked():
    fill({}, "http://127.0.0.1:9/", "http://127.0.0.1:9/")


def test_the_image_names_every_secret():
    dockerfile = (TEMPLATE / "Dockerfile").read_text()
    assert [variable for variable in VARIABLES if f"{variable}_SECRET=" not in dockerfile] == []


def test_the_launcher_loads_and_enters_the_run_as_done(tmp_path):
    world = World(scale=0.001)
    write_store_b(world, tmp_path, files=1)
    ledger = f"sqlite:///{tmp_path / 'svod.db'}"
    with Register(world.register(), rate=1000) as register, Bitrix24() as portal:
        ran = subprocess.run(
            [
                *(sys.executable, TEMPLATE / "main.py", f"--register={register.url}"),
                *(f"--store_b_files={tmp_path}/*.json", "--register_rate=1000"),
                "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
            ],
            env=os.environ
            | {"SVOD_CRM": portal.webhook, "SVOD_REGISTER_TOKEN": TOKEN, "SVOD_LEDGER": ledger},
            capture_output=True,
            text=True,
            check=False,
        )
        loaded = {company["originId"] for company in portal.companies()}
    assert ran.returncode == 0, ran.stderr
    of_b = {tin for each in world.b.truth() if each.kind == "company" for tin in each.tins}
    assert loaded == of_b
    engine = sa.create_engine(ledger)
    with engine.connect() as connection:
        status = connection.execute(sa.text("SELECT status FROM runs")).scalars().all()
    engine.dispose()
    assert status == ["done"]
