"""The engine that runs a pipeline: Beam's runner, and the options that it gets."""

from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions, StandardOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.portable_runner import PortableRunner
from apache_beam.runners.portability.prism_runner import PrismRunner
from apache_beam.runners.runner import PipelineRunner, create_runner

from pipeline.options import Options
from transforms.core.errors import ConfigurationError
from transforms.core.process_pool import ProcessCount

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


def can_stream(chosen: Options) -> bool:
    """Whether the engine can run a job that never ends, up to a job's last window."""
    return isinstance(runner(chosen), PortableRunner)


def process_count(chosen: ProcessCount, engine: PipelineRunner) -> ProcessCount:
    """The number of processes a worker uses: by default 1 where the engine has its own workers."""
    return chosen or (0 if isinstance(engine, FnApiRunner) else 1)
