"""Checks of a command's options and of the portal, before anything is read."""

import logging
import os
import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from apache_beam import version as beam_version
from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    PipelineOptions,
    PortableOptions,
)

from pipeline.access import crm_access, topic_accesses
from pipeline.console import say
from pipeline.disk_room import check_room, ledger_file
from pipeline.engine import endpoints, engine_name, is_distributed, is_loopback, on_dataflow
from pipeline.file_stores import check_file_stores, file_patterns
from pipeline.options import CRM, REGISTER_TOKEN, Options, need
from pipeline.sql_stores import sql_stores
from transforms.configuration.problems import raise_problems
from transforms.configuration.selection import Reading, place_problems, readable_stores
from transforms.core.errors import ConfigurationError
from transforms.crm.access import open_client, open_portal
from transforms.crm.api.client import check_webhook
from transforms.crm.errors import CrmUnavailable, Stop
from transforms.ledger.database import Ledger
from transforms.read_store_b import check_files
from transforms.register.connection import check_token, check_url
from transforms.stores.sql.check import check_store
from transforms.stores.topic.check import check_topic

# Seconds before the portal is tried again: short, for a person waits at the terminal.
_SHORT_WAITS = (1.0, 2.0)

_JOB_SERVER_JAR = re.compile(r"job-server-(\d+\.\d+\.\d+)[^/]*\.jar$")
# The oldest that has run a graph of this Beam.
_OLDEST_JOB_SERVER = (2, 65)

_WAYS_OUT = (
    "; where the engine's workers are this process, give --environment_type=LOOPBACK, and where all"
    " of the engine is on this machine, --one_machine"
)


def check_options(chosen: Options, reading: Reading | None) -> None:
    """Check all options of a run: CRM, register, engine, stores.

    ``reading`` is what the run reads of the stores, None for nothing.

    Raises:
        ConfigurationError: naming the option.
        AwayError: a store does not answer.
    """
    check_crm_options(chosen)
    need(chosen.register, "register", "SVOD_REGISTER")
    need(chosen.register_token, "register_token", REGISTER_TOKEN.variable)
    check_url(chosen.register)
    check_token(chosen.register_token)
    check_machines(chosen)
    check_job_server(chosen)
    check_libraries(chosen)
    if reading:
        _check_databases(chosen, reading)
    if chosen.store_b_files and not chosen.has_file_stores:
        check_files(chosen.store_b_files, chosen.store_b_encoding)
    for topic in topic_accesses(chosen):
        check_topic(topic)
    check_room(chosen, reading)


def _check_databases(chosen: Options, reading: Reading) -> None:
    for key, store in sql_stores(chosen, reading).items():
        for warning in check_store(key, store, reading, chosen.configuration_file):
            say(f"warning: {warning}")


_STORE_OPTIONS: Mapping[Reading, str] = {
    "full": "--store_a or --store_b_files",
    "delta": "--store_a or --store_b_kafka",
}


def check_stores(chosen: Options, reading: Reading, command: str) -> None:
    """Check that there is a store to read, and that the variables of the file's stores are set.

    Raises:
        ConfigurationError: naming the options, or the file, its keys and what to do.
    """
    configuration = chosen.configuration
    if chosen.has_file_stores:
        raise_problems(chosen.configuration_file, list(place_problems(configuration, reading)))
    if readable_stores(configuration, reading):
        for warning in check_file_stores(chosen, reading):
            say(f"warning: {warning}")
        return
    if not chosen.has_file_stores:
        raise ConfigurationError(f"{_STORE_OPTIONS[reading]} is needed: see svod {command} --help")
    if not any(store.withdrawn for store in configuration.store.values()):
        table = "full" if reading == "full" else "changes"
        raise ConfigurationError(
            f"{chosen.configuration_file}: no store has a table [store.KEY.{table}], which svod"
            f" {command} reads: add it"
        )


def check_machines(chosen: Options) -> None:
    """Check that what the options name is there on every machine of the engine.

    Raises:
        ConfigurationError: Beam has no such runner; or its workers are on other machines, and the
            option that is named leads to something of this machine.
    """
    if not is_distributed(chosen):
        return
    if chosen.one_machine:
        _check_one_machine(chosen)
        return
    workers = f"the workers of {engine_name(chosen)} are on other machines"
    if file := ledger_file(chosen.ledger):
        raise ConfigurationError(
            f"--ledger: {file} is a file of this machine, and {workers}: use a ledger on MySQL or"
            f" PostgreSQL{_WAYS_OUT}"
        )
    if not chosen.shared_paths:
        _check_paths(chosen, workers)


def check_job_server(chosen: Options) -> None:
    """Check the version of the Flink job server, as far as its jar's name tells it.

    A job server that runs already does not say its version (decision 26).

    Raises:
        ConfigurationError: the jar is of a version that does not go with this Beam; or a second
            job server is named.
    """
    beam_options = PipelineOptions(chosen.beam)
    jar = beam_options.view_as(FlinkRunnerOptions).flink_job_server_jar
    if not jar:
        return
    if endpoint := beam_options.view_as(PortableOptions).job_endpoint:
        raise ConfigurationError(
            f"--flink_job_server_jar: the job server at {endpoint} (--job_endpoint) runs already:"
            " leave the option of the other one out"
        )
    version, ours = _JOB_SERVER_JAR.search(jar), beam_version.__version__
    if version and not _OLDEST_JOB_SERVER <= _numbers(version[1]) <= _numbers(ours):
        raise ConfigurationError(
            f"--flink_job_server_jar: it is of Beam {version[1]}, and this program uses Beam"
            f" {ours}: take the job server of that version, or the newest before it"
        )


def check_libraries(chosen: Options) -> None:
    """Check that the engine's client is installed.

    Raises:
        ConfigurationError: naming ``--runner``.
    """
    if on_dataflow(chosen) and not _is_installed("google.cloud.dataflow"):
        raise ConfigurationError(
            "--runner: Dataflow needs Google's libraries: pip install 'apache-beam[gcp]', in the"
            " version of the apache-beam that is installed"
        )


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split(".")[:2])


def _check_one_machine(chosen: Options) -> None:
    addresses = endpoints(chosen)
    for address in addresses:
        if not is_loopback(address):
            raise ConfigurationError(
                f"--one_machine: {address} is not an address of this machine: leave the option out,"
                " or give localhost"
            )
    if not addresses:
        raise ConfigurationError(
            f"--one_machine: where {engine_name(chosen)} runs is not known: give it a"
            " --job_endpoint on localhost"
        )


def _check_paths(chosen: Options, workers: str) -> None:
    options = (("--store_b_files", path) for path in chosen.store_b_files)
    files = file_patterns(chosen)
    topic = ("--store_b_kafka_config", chosen.store_b_kafka_config)
    for option, path in (*options, *files, topic):
        if path and ("://" not in path or path.startswith("file:")):
            raise ConfigurationError(
                f"{option}: {path} is a path of this machine, and {workers}: put the file where all"
                " of them reach it (gs://, s3://, hdfs://), or give --shared_paths where each of"
                f" them has it under this path{_WAYS_OUT}"
            )


def check_crm_options(chosen: Options) -> None:
    """Check the options of the CRM, and the folders of report and metrics.

    Raises:
        ConfigurationError: naming the option.
    """
    # Beam logs the traceback of what goes wrong, and its last line may quote a customer.
    for name in ("apache_beam", "PrismRunner"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    need(chosen.crm, "crm", CRM.variable)
    check_webhook(chosen.crm)
    if chosen.report:
        _check_folder("--report", chosen.report)
    if chosen.metrics_file:
        _check_folder("--metrics_file", str(Path(chosen.metrics_file).parent))


def _check_folder(option: str, folder: str) -> None:
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{option}: cannot make {folder}: {error.strerror}") from None
    if not os.access(folder, os.W_OK):
        raise ConfigurationError(f"{option}: may not write into {folder}")


def check_portal(chosen: Options, ledger: Ledger) -> None:
    """Ask the portal whether it is fit. One that does not answer may do so later: a warning.

    Raises:
        ConfigurationError: naming ``--crm`` and what is wrong.
    """
    access = crm_access(chosen)
    client = open_client(access, ledger, waits=_SHORT_WAITS)
    try:
        open_portal(client, access).check()
    except Stop as error:
        raise ConfigurationError(f"--crm: {error}") from None
    except CrmUnavailable as error:
        say(f"warning: the CRM does not answer yet ({error}); reading goes on")
    finally:
        client.close()
