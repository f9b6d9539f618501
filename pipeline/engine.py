"""The engine that runs a pipeline: Beam's runner, and the options that it gets."""

from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

from apache_beam.options.pipeline_options import (
    FlinkRunnerOptions,
    PipelineOptions,
    PortableOptions,
    StandardOptions,
)
from apache_beam.runners.direct.direct_runner import BundleBasedDirectRunner, SwitchingDirectRunner
from apache_beam.runners.portability.flink_runner import MAGIC_HOST_NAMES, FlinkRunner
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.portable_runner import PortableRunner
from apache_beam.runners.portability.prism_runner import PrismRunner
from apache_beam.runners.runner import PipelineRunner, create_runner

from pipeline.options import Options
from transforms.core.errors import ConfigurationError
from transforms.core.process_pool import ProcessCount

# Runners whose workers are this process, or processes that it starts.
_LOCAL_RUNNERS = (FnApiRunner, SwitchingDirectRunner, BundleBasedDirectRunner)
_LOOPBACK = "LOOPBACK"

_TEN_YEARS = 315_360_000  # in seconds


def runner(chosen: Options) -> PipelineRunner:
    """The runner that the options name; Beam's own local one when they name none.

    Raises:
        ConfigurationError: Beam has no such runner.
    """
    name = PipelineOptions(chosen.beam).view_as(StandardOptions).runner
    # Without a name Beam would choose among three runners by what it finds in the graph.
    if not name:
        return FnApiRunner()
    try:
        return create_runner(name)
    except (ValueError, ImportError, AttributeError) as error:
        raise ConfigurationError(f"--runner: {error}") from None


def engine_options(chosen: Options, *defaults: str) -> PipelineOptions:
    """The options of the engine: ``defaults``, which the options of the command override."""
    # Beam ends a job on Prism after this time-out, as if the job were a single request.
    patience = [f"--job_server_timeout={_TEN_YEARS}"] if _starts_prism(chosen) else []
    return PipelineOptions([*defaults, *patience, *chosen.beam])


def _starts_prism(chosen: Options) -> bool:
    """Whether the engine is a Prism that this process starts."""
    portable = PipelineOptions(chosen.beam).view_as(PortableOptions)
    return on_prism(chosen) and not portable.job_endpoint


def on_prism(chosen: Options) -> bool:
    """Whether the engine is Prism, which works in this process."""
    return isinstance(runner(chosen), PrismRunner)


def engine_name(chosen: Options) -> str:
    """The runner's name, for messages."""
    return type(runner(chosen)).__name__


def is_distributed(chosen: Options) -> bool:
    """Whether the engine's workers may be on other machines than this process.

    They are not where the engine calls back into this process (environment ``LOOPBACK``), nor where
    the engine and the workers that it is given have addresses of this machine.
    """
    engine = runner(chosen)
    if isinstance(engine, _LOCAL_RUNNERS):
        return False
    environment = _environment(chosen, engine)
    if environment in ("EXTERNAL", "PROCESS"):
        addresses = [*endpoints(chosen), *_worker_pools(chosen)]
        return not addresses or not all(map(is_loopback, addresses))
    return environment != _LOOPBACK


def _environment(chosen: Options, engine: PipelineRunner) -> str:
    """The type of the workers' environment: the option's, or else the runner's own default."""
    beam_options = PipelineOptions(chosen.beam)
    if environment := beam_options.view_as(PortableOptions).environment_type:
        return str(environment).upper()
    flink_master = beam_options.view_as(FlinkRunnerOptions).flink_master
    starts_flink = isinstance(engine, FlinkRunner) and flink_master in MAGIC_HOST_NAMES
    return _LOOPBACK if starts_flink or isinstance(engine, PrismRunner) else ""


def endpoints(chosen: Options) -> list[str]:
    """The addresses of a portable engine, as far as the options name them."""
    beam_options = PipelineOptions(chosen.beam)
    job_endpoint = beam_options.view_as(PortableOptions).job_endpoint
    flink_master = beam_options.view_as(FlinkRunnerOptions).flink_master
    return [
        *([job_endpoint] if job_endpoint else []),
        *([] if flink_master in MAGIC_HOST_NAMES else [flink_master]),
    ]


def _worker_pools(chosen: Options) -> list[str]:
    portable = PipelineOptions(chosen.beam).view_as(PortableOptions)
    is_external = (portable.environment_type or "").upper() == "EXTERNAL"
    return [portable.environment_config] if is_external and portable.environment_config else []


def is_loopback(address: str) -> bool:
    """Whether ``host:port``, or a URL, is an address of this machine's own."""
    host = urlsplit(address if "://" in address else f"//{address}").hostname or ""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def on_job_server(chosen: Options) -> bool:
    """Whether the engine stands behind a job server of Beam's, as Flink does."""
    return isinstance(runner(chosen), PortableRunner) and not on_prism(chosen)


def on_dataflow(chosen: Options) -> bool:
    """Whether the engine is Dataflow. Its module is not imported where it is not used."""
    return engine_name(chosen) == "DataflowRunner"


def can_stream(chosen: Options) -> bool:
    """Whether the engine can run a job that never ends, up to a job's last window."""
    return isinstance(runner(chosen), PortableRunner) or on_dataflow(chosen)


def process_count(chosen: ProcessCount, engine: PipelineRunner) -> ProcessCount:
    """The number of processes a worker uses: by default 1 where the engine has its own workers."""
    return chosen or (0 if isinstance(engine, FnApiRunner) else 1)
