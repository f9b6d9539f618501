"""Beam tuned: its bundles end at once, and what its look-ups find is what they found before."""

import pickle

import apache_beam as beam
from apache_beam.coders import VarIntCoder
from apache_beam.options.pipeline_options import (
    PipelineOptions,
    PortableOptions,
    StandardOptions,
)
from apache_beam.runners.worker.statesampler import StateSampler
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec, TimerSpec, on_timer
from apache_beam.utils.counters import CounterFactory

from transforms import tuning
from transforms.tuning import tune_beam


def test_a_bundle_of_beams_does_not_wait_long_for_its_sampler_to_wake_up():
    tune_beam()
    assert StateSampler("step", CounterFactory()).sampling_period_ms == 10


class Stateful(beam.DoFn):
    SEEN = beam.DoFn.StateParam(ReadModifyWriteStateSpec("seen", VarIntCoder()))
    END = TimerSpec("end", TimeDomain.WATERMARK)
    AT_THE_END = beam.DoFn.TimerParam(END)

    def process(self, element, seen=SEEN, end=AT_THE_END):
        yield element

    @on_timer(END)
    def ended(self):
        yield 0


class Plain(beam.DoFn):
    def process(self, element):
        yield element


class Borrowing(beam.DoFn):
    """Has a method of another ``DoFn`` for its own."""

    def __init__(self, process):
        self.process = process


def test_beams_remembered_look_ups_find_what_beam_finds():
    fns = [
        *(Stateful(), Borrowing(Stateful().process), Borrowing(Plain().process), Plain()),
        *(beam.Map(str).fn, beam.FlatMap(lambda x: [x]).fn),
    ]
    for fn in (*fns, *reversed(fns)):
        assert tuning.dofn_specs(fn) == tuning._find_specs(fn)
    assert [bool(tuning.dofn_specs(fn)[0]) for fn in fns] == [True, True, *[False] * 4]


def test_views_of_beams_options_share_their_values():
    tune_beam()
    beam_options = PipelineOptions(["--runner=PrismRunner", "--job_endpoint=localhost:1"])
    view = beam_options.view_as(PortableOptions)
    view.job_endpoint = "localhost:2"
    standard = beam_options.view_as(StandardOptions)
    assert standard.view_as(PortableOptions).job_endpoint == "localhost:2"
    assert beam_options.view_as(PortableOptions).job_endpoint == "localhost:2"
    assert standard.runner == "PrismRunner"
    copied = pickle.loads(pickle.dumps(view))
    assert copied.view_as(StandardOptions).runner == "PrismRunner"
    assert PipelineOptions([]).view_as(PortableOptions).job_endpoint is None
