"""Beam's own settings that no option reaches, and two of its look-ups, remembered."""

from functools import wraps
from types import MethodType
from typing import Any
from weakref import WeakKeyDictionary

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.worker.statesampler import StateSampler
from apache_beam.transforms import userstate
from apache_beam.transforms.core import DoFn

_SAMPLING_PERIOD = 10

_Specs = tuple[set[userstate.StateSpec], set[userstate.TimerSpec]]
_specs_by_class: WeakKeyDictionary[type[DoFn], _Specs] = WeakKeyDictionary()
_views: WeakKeyDictionary[PipelineOptions, dict[type[Any], Any]] = WeakKeyDictionary()
_find_specs = userstate.get_dofn_specs
_make_view = PipelineOptions.view_as


def tune_beam() -> None:
    """Let bundles of this process end sooner, and let Beam wire a graph in half of the time.

    A sampler thread measures in which step a bundle spends its time. It sleeps for its whole period
    of 200 ms, and the end of the bundle waits for the thread; Prism waits with a core at work. A
    stream has several bundles a second. The period is a default argument of ``StateSampler``
    (``apache_beam/runners/worker/statesampler.py``), which ``BundleProcessor`` does not pass.

    For each step and bundle Beam examines all methods of a ``DoFn`` anew for states and timers, and
    parses the command line anew for each view of its options: a second of the CPU's time in a delta
    that finds nothing. Both results are the same every time.
    """
    StateSampler.__init__.__defaults__ = (_SAMPLING_PERIOD,)
    userstate.get_dofn_specs = dofn_specs
    PipelineOptions.view_as = options_view


@wraps(_find_specs)
def dofn_specs(dofn: DoFn) -> _Specs:
    """Returns the states and timers that a ``DoFn`` declares as arguments of its methods."""
    # Methods of its class, or bound methods that this instance alone has.
    if any(isinstance(value, MethodType) for value in vars(dofn).values()):
        specs: _Specs = _find_specs(dofn)
        return specs
    if type(dofn) not in _specs_by_class:
        _specs_by_class[type(dofn)] = _find_specs(dofn)
    return _specs_by_class[type(dofn)]


@wraps(_make_view)
def options_view(options: PipelineOptions, view_class: type[Any]) -> Any:
    """Returns the options as one of ``view_class``: all views of one class share their values."""
    views = _views.setdefault(options, {})
    if view_class not in views:
        views[view_class] = _make_view(options, view_class)
    return views[view_class]
