"""No secret and no person's name, phone or e-mail in what a run prints, reports or submits."""

import re

import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from sandbox import bitrix24, store_a
from sandbox.register import server
from sandbox.world.world import World
from tests.helpers.installation import CODE, PACE, installation
from tests.helpers.packed_graph import unpacked

SECRETS = (CODE, server.TOKEN, store_a.PASSWORD)
PHONE = re.compile(r"\d[\d\s().\-]{8,}\d")


@pytest.fixture(scope="module")
def world():
    return World(5, 0.002)


@pytest.fixture(scope="module")
def told(world, mariadb, tmp_path_factory):
    """What was printed and written by runs against services that fail in every way, and graphs."""
    texts, graphs = [], []

    class Runner(FnApiRunner):
        def run_pipeline(self, pipeline, options):
            graphs.append(pipeline.to_runner_api().SerializeToString())
            graphs.append(repr(options.get_all_options()).encode())
            return super().run_pipeline(pipeline, options)

    def collect(place, ended):
        texts.extend((ended.out, ended.err))
        texts.extend(file.read_text() for file in place.report.iterdir())

    with (
        installation(tmp_path_factory.mktemp("secrets"), mariadb) as place,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr("pipeline.engine.FnApiRunner", Runner)
        place.fill(world)
        for faults in (
            ["unauthorized"],
            ["forbidden", "html", "garbage", "shape"],
            ["shape", "html", "busy"],
        ):
            place.register.set_faults([server.Fault(kind, count=9) for kind in faults])
            ended = place.full()
            assert ended.code == 3
            collect(place, ended)
        place.register.set_faults([])
        for faults in (
            [bitrix24.Fault("auth", skip=6)],
            [bitrix24.Fault("denied", method="crm.requisite.add")],
            [bitrix24.Fault("refuse", method="crm.item.batchImport", every=3)],
        ):
            place.portal.faults.set(faults)
            ended = place.full()
            assert ended.code == 3
            collect(place, ended)
        place.portal.faults.set([])
        collect(place, place.svod("replay", f"--report={place.report}", *PACE))
        yield texts, graphs


def test_no_secret_is_printed_or_reported(told):
    texts, _ = told
    for text in texts:
        assert [secret for secret in SECRETS if secret in text] == []


def test_no_secret_is_in_the_job(told):
    _, graphs = told
    found = [data for graph in graphs for data in unpacked(graph)]
    # The search reaches what is packed: there the secrets stand by name.
    assert sum(b"SVOD_CRM" in data for data in found) >= 7
    for data in found:
        assert [secret for secret in SECRETS if secret.encode() in data] == []


def test_nobody_can_be_read_in_it(told, world):
    texts, _ = told
    people = [world.identities.person(number) for number in range(world.sizes.people)]
    numbers = {number for one in people for number in (one.mobile, one.second_mobile)}
    mailboxes = {one.mailbox.lower() for one in people}
    names = {one.name.last for one in people}
    for text in texts:
        digits = {re.sub(r"\D", "", found)[-10:] for found in PHONE.findall(text)}
        assert digits & numbers == set()
        assert [box for box in mailboxes if f"{box}@" in text.lower()] == []
        assert names & set(re.findall(r"\w+", text)) == set()
