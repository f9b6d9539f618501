"""Beam's own settings that no option reaches."""

from apache_beam.runners.worker.statesampler import StateSampler

_SAMPLING_PERIOD = 10


def tune_beam() -> None:
    """Let bundles of this process end within 10 ms instead of up to 200.

    A sampler thread measures in which step a bundle spends its time. It sleeps for its whole period
    of 200 ms, and the end of the bundle waits for the thread; Prism waits with a core at work. A
    stream has several bundles a second. The period is a default argument of ``StateSampler``
    (``apache_beam/runners/worker/statesampler.py``), which ``BundleProcessor`` does not pass.
    """
    StateSampler.__init__.__defaults__ = (_SAMPLING_PERIOD,)
