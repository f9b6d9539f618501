"""The template for Dataflow: its parameters, its secrets, its launcher, and what is submitted.

With Google's libraries (``pip install apache-beam[gcp]``) the job itself is made, too, and posted
to a local Dataflow; without them the graph and the options that Dataflow's runner gets are tested.
"""

import base64
import importlib.util
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import sqlalchemy as sa
from apache_beam.options.pipeline_options import StandardOptions, WorkerOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner

from flex_template.boot import VARIABLES, fill
from pipeline import checks
from pipeline.arguments import Parser, add_full
from pipeline.engine import can_stream, on_job_server
from pipeline.follow import stream_job
from pipeline.graph import build_stream
from pipeline.options import Options, beam_arguments
from sandbox import store_a
from sandbox.bitrix24 import Bitrix24
from sandbox.register.server import TOKEN, Register
from sandbox.store_b import write_store_b
from sandbox.world.world import World
from tests.helpers.installation import CODE
from tests.helpers.packed_graph import unpacked
from transforms.ledger.database import open_ledger
from transforms.ledger.lock import exclusive

TEMPLATE = Path(__file__).parents[1] / "flex_template"
SECRET_OPTIONS = {"store_a", "crm", "register_token", "ledger"}
VERSION = "projects/p/secrets/svod-crm/versions/latest"


def parameters():
    told = json.loads((TEMPLATE / "metadata.json").read_text())["parameters"]
    return {parameter["name"]: parameter for parameter in told}


def test_every_parameter_is_an_option_and_none_is_a_secret():
    parser = Parser()
    add_full(parser)
    own = {action.dest for action in parser._actions}
    # Beam's own option, which Google's launcher passes on.
    assert parameters().keys() - own == {"sdk_container_image"}
    assert beam_arguments(["--sdk_container_image=gcr.io/p/svod"])
    assert not parameters().keys() & SECRET_OPTIONS
    # The launcher leaves before there is a report; its engine is on other machines. A configuration
    # file is a part of its image: SVOD_CONFIG names it there.
    left_out = {"help", "report", "one_machine", "shared_paths", "config"}
    assert own - parameters().keys() == SECRET_OPTIONS | left_out


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


IMAGE = "gcr.io/project/svod:1"
# What Google's launcher adds to the template's parameters.
GOOGLE = (
    *("--runner=DataflowRunner", "--project=project", "--region=europe-west4"),
    *("--job_name=svod-full", f"--sdk_container_image={IMAGE}"),
    *("--temp_location=gs://bucket/temp", "--staging_location=gs://bucket/staging"),
)


@pytest.fixture
def launcher(monkeypatch):
    """The launcher's module, as its image finds it."""
    monkeypatch.setattr(checks, "check_libraries", lambda chosen: None)
    monkeypatch.syspath_prepend(TEMPLATE)
    spec = importlib.util.spec_from_file_location("launcher", TEMPLATE / "main.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def site(place, mariadb, monkeypatch):
    """An installation with a ledger on a server, and its secrets in the environment."""
    with place.root.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE DATABASE svod")
        cursor.execute(f"GRANT ALL ON svod.* TO {store_a.READER}@'%'")
    place.export()
    url = mariadb.url("svod", store_a.READER, store_a.PASSWORD)
    place.ledger = url.replace("mysql:", "mysql+pymysql:")
    for name, value in (place.environment | {"SVOD_LEDGER": place.ledger}).items():
        monkeypatch.setenv(name, value)
    return place


def launch(launcher, site, *options):
    """Launches what reads both stores; the files are on a disk that all machines share."""
    files = f"--store_b_files={site.files}/*.json"
    return launcher.launch([f"--register={site.register.url}", files, "--shared_paths", *options])


def statuses(site):
    return [status for (status,) in site.rows("SELECT status FROM runs ORDER BY run_seq")]


def assert_no_secret(data):
    found = list(unpacked(data))
    for secret in (CODE, TOKEN, store_a.PASSWORD):
        assert not any(secret.encode() in part for part in found)
    return found


def test_the_launcher_submits_the_graph_and_leaves(launcher, site, monkeypatch):
    submitted = []

    def run_pipeline(_, pipeline, options):
        submitted.append((pipeline.to_runner_api(), options))
        # The launcher alone has the ledger while it launches.
        assert launch(launcher, site, *GOOGLE) == 1

    monkeypatch.setattr(DataflowRunner, "run_pipeline", run_pipeline)
    assert launch(launcher, site, *GOOGLE) == 0
    [(proto, options)] = submitted
    labels = {step.unique_name for step in proto.components.transforms.values()}
    assert {"Read A", "ReadPartnerFiles", "LoadCrm", "Conclude"} <= labels
    assert options.view_as(WorkerOptions).sdk_container_image == IMAGE
    assert any(b"SVOD_CRM" in part for part in assert_no_secret(proto.SerializeToString()))
    assert_no_secret(repr(options.get_all_options()).encode())
    assert statuses(site) == ["running"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (GOOGLE[:1], "the launch failed: "),
        ((*GOOGLE[:-2], "--temp_location=elsewhere"), "the launch failed: "),
        (GOOGLE, "the launch failed: no quota"),
    ],
)
def test_a_launch_that_fails_leaves_no_run_behind(
    launcher, site, monkeypatch, capsys, options, words
):
    def run_pipeline(*_):
        raise OSError("no quota")

    monkeypatch.setattr(DataflowRunner, "run_pipeline", run_pipeline)
    assert launch(launcher, site, *options) == 1
    assert words in capsys.readouterr().err
    assert statuses(site) == ["failed"]


def test_a_launch_is_refused_while_another_run_goes_on(launcher, site, capsys):
    ledger = open_ledger(site.ledger)
    try:
        with exclusive(ledger):
            assert launch(launcher, site, *GOOGLE) == 1
    finally:
        ledger.close()
    assert "another run is going on" in capsys.readouterr().err
    assert statuses(site) == []


def test_a_wrong_set_up_is_refused_before_a_run(launcher, site, monkeypatch, capsys):
    monkeypatch.setenv("SVOD_LEDGER", f"sqlite:///{site.folder}/svod.db")
    assert launch(launcher, site, *GOOGLE) == 2
    assert "--ledger: " in capsys.readouterr().err
    monkeypatch.setenv("SVOD_LEDGER", site.ledger)
    assert launch(launcher, site, "--colour=red", *GOOGLE) == 2
    assert "--colour: neither svod nor Beam has such an option" in capsys.readouterr().err


class Dataflow(BaseHTTPRequestHandler):
    """Takes jobs, as Dataflow's REST interface does."""

    def do_POST(self):
        job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.jobs.append(job)
        self._answer({**job, "id": "2026-11-30_00_00_00-1"})

    def do_GET(self):
        self._answer({"id": "2026-11-30_00_00_00-1", "currentState": "JOB_STATE_RUNNING"})

    def _answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture
def dataflow():
    with ThreadingHTTPServer(("127.0.0.1", 0), Dataflow) as server:
        server.jobs = []
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.filterwarnings("ignore")
def test_the_job_is_a_batch_with_the_templates_image_and_no_secret(
    launcher, site, monkeypatch, tmp_path, dataflow
):
    pytest.importorskip("google.cloud.dataflow", reason="apache-beam[gcp] is not installed")
    from apache_beam.runners.dataflow.internal.apiclient import DataflowApplicationClient

    uploads = tmp_path / "uploads"
    uploads.mkdir()

    def stage_file(_, folder, name, stream, mime_type="", total_size=None):
        (uploads / name).write_bytes(stream.read())

    monkeypatch.setattr(DataflowApplicationClient, "stage_file", stage_file)
    endpoint = f"--dataflow_endpoint=http://localhost:{dataflow.server_port}"
    assert launch(launcher, site, *GOOGLE, endpoint, "--no_auth") == 0
    [job] = dataflow.jobs
    assert job["type"] == 1  # JOB_TYPE_BATCH
    assert job["environment"]["workerPools"][0]["workerHarnessContainerImage"] == IMAGE
    assert_no_secret(json.dumps(job).encode())
    for file in uploads.iterdir():
        assert_no_secret(file.read_bytes())
    data = (uploads / "pipeline.pb").read_bytes()
    images = {
        env.payload
        for env in beam_runner_api_pb2.Pipeline.FromString(data).components.environments.values()
    }
    assert any(IMAGE.encode() in payload for payload in images)
    assert statuses(site) == ["running"]


def test_the_topic_is_a_streaming_job_of_dataflow(site, monkeypatch):
    monkeypatch.setenv("SVOD_KAFKA", "broker:9092")
    chosen = Options(register=site.register.url, beam=list(GOOGLE), ledger="x")
    assert can_stream(chosen)
    assert not on_job_server(chosen)
    root = stream_job.streaming_pipeline(chosen)
    assert root.options.view_as(StandardOptions).streaming
    assert "checkpointing_interval" not in root.options.get_all_options(drop_default=True)
    build_stream(root, chosen, 1, print)
    proto = root.to_runner_api()
    assert_no_secret(proto.SerializeToString())
    unbounded = {part.is_bounded for part in proto.components.pcollections.values()}
    assert beam_runner_api_pb2.IsBounded.UNBOUNDED in unbounded
