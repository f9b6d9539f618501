"""The client at the strict local Bitrix24: its limits, its batches, its lists."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sandbox.bitrix24 import Bitrix24, Fault
from transforms.crm.api.batch import Command, defuse
from transforms.crm.api.client import CrmClient
from transforms.crm.errors import CrmUnavailable, PortalMoved, Refused, Stop, UnknownOutcome
from transforms.crm.limits.request_rate import Limits

COMPANY = 4


def client_of(portal: Bitrix24, speed: float = 1, operating: float = 480) -> CrmClient:
    """A client that keeps the limits of a portal whose clock runs so fast."""
    limits = Limits(2 * speed, 50, operating, 600 / speed)
    return CrmClient(portal.webhook, limits, workers=8, waits=(0.0, 0.0))


@pytest.fixture
def portal() -> Iterator[Bitrix24]:
    with Bitrix24(limits=False) as portal:
        yield portal


@pytest.fixture
def client(portal: Bitrix24) -> Iterator[CrmClient]:
    with client_of(portal, speed=1000) as client:
        yield client


def add(title: str) -> Command:
    return "crm.item.add", {"entityTypeId": COMPANY, "fields": {"title": title}}


def test_300_requests_of_8_threads_and_none_refused() -> None:
    with Bitrix24(speed=100) as portal, client_of(portal, speed=100) as client:

        def ask(_: int) -> dict[str, Any]:
            return client.call("server.time", {}, writes=False)

        with ThreadPoolExecutor(8) as threads:
            assert len(list(threads.map(ask, range(300)))) == 300
        assert portal.stats.violations == {}
        assert client.limits.statistics.refused == 0
        assert client.limits.statistics.seconds_waited > 0


@pytest.mark.parametrize("billing", ["commands", "batch"])
@pytest.mark.parametrize("faults", [(), (Fault("no_operating"),)])
def test_batches_beyond_the_operating_time_and_none_refused(
    billing: Any, faults: tuple[Fault, ...]
) -> None:
    costs = {"server.time": (2.0, 0.0)}
    with (
        Bitrix24(speed=1000, billing=billing, costs=costs, faults=faults) as portal,
        client_of(portal, speed=1000) as client,
    ):

        def ask(_: int) -> int:
            commands = {f"c{n}": ("server.time", {}) for n in range(5)}
            return len(client.batch(commands, writes=False).results)

        with ThreadPoolExecutor(4) as threads:
            assert sum(threads.map(ask, range(100))) == 500
        assert portal.stats.violations == {}
        assert client.limits.statistics.refused == 0


def test_refusals_in_a_batch_are_sent_again(portal: Bitrix24) -> None:
    portal.faults.set([Fault("operating", "crm.item.add", skip=10, times=15)])
    with client_of(portal, speed=10_000) as client:
        answer = client.batch({f"c{n}": add(f"ООО {n}") for n in range(50)}, writes=True)
    assert answer.errors == {}
    assert sorted(answer.results) == sorted(f"c{n}" for n in range(50))
    assert len(portal.companies()) == 50


def test_a_bad_record_does_not_hold_up_its_batch(portal: Bitrix24, client: CrmClient) -> None:
    portal.faults.set([Fault("refuse", contains="плохая"), Fault("bare_error", code=0)])
    commands = {"c1": add("хорошая"), "c2": add("плохая"), "c3": add("хорошая")}
    answer = client.batch(commands, writes=True)
    assert answer.results.keys() == {"c1", "c3"}
    assert type(answer.errors["c2"]) is Refused
    assert answer.errors["c2"].code == "0"


def test_a_right_that_is_missing_in_a_batch(portal: Bitrix24, client: CrmClient) -> None:
    portal.faults.set([Fault("denied", "crm.item.add")])
    answer = client.batch({"c1": add("ООО"), "c2": ("server.time", {})}, writes=True)
    assert answer.results.keys() == {"c2"}
    assert isinstance(answer.fatal, Stop)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("lost"), UnknownOutcome),
        (Fault("lost", moment="before"), UnknownOutcome),
        (Fault("html"), UnknownOutcome),
        (Fault("error500"), UnknownOutcome),
        (Fault("auth", code="expired_token"), Stop),
        (Fault("overload"), Stop),
        (Fault("redirect"), PortalMoved),
    ],
)
def test_troubles_of_the_line(
    portal: Bitrix24, client: CrmClient, fault: Fault, kind: type[Exception]
) -> None:
    portal.faults.set([fault])
    with pytest.raises(kind):
        client.call(*add("ООО"), writes=True)
    with pytest.raises(CrmUnavailable if kind is UnknownOutcome else kind):
        client.call("server.time", {}, writes=False)
    assert portal.stats.requests == (4 if kind is UnknownOutcome else 2)
    assert portal.stats.violations == {}


def test_a_wrong_code(portal: Bitrix24) -> None:
    wrong = portal.webhook.replace("secretcode", "wr0ng")
    with CrmClient(wrong, Limits()) as client, pytest.raises(Stop) as caught:
        client.fields(COMPANY)
    assert "wr0ng" not in str(caught.value)


@pytest.mark.parametrize(
    "title", ["$result[c1][item][id] и $TOTAL[c1]", 'А "Б" & В = #1?%+', "🙂[x]\\", "x" * 255]
)
def test_data_arrives_as_it_was(portal: Bitrix24, client: CrmClient, title: str) -> None:
    answer = client.batch({"c1": add("ООО"), "c2": add(title)}, writes=True)
    assert answer.errors == {}
    assert [row["title"] for row in portal.companies()] == ["ООО", defuse(title)]
    assert portal.stats.violations == {}


def test_fields(client: CrmClient) -> None:
    assert client.fields(COMPANY)["title"]["type"] == "string"


@pytest.mark.parametrize("count", [0, 1, 50, 120])
def test_lists_are_walked_to_their_end(portal: Bitrix24, client: CrmClient, count: int) -> None:
    for number in range(count):
        company = portal.add("companies", {"title": "ООО", "originatorId": "svod"})
        portal.add(
            "requisites",
            {"ENTITY_TYPE_ID": COMPANY, "ENTITY_ID": company, "NAME": "x", "RQ_INN": str(number)},
        )
    portal.add("companies", {"title": "чужая"})
    items = list(client.list_items(COMPANY, ["title"], {"=originatorId": "svod"}))
    assert [row["title"] for row in items] == ["ООО"] * count
    rows = list(client.list_rows("crm.requisite.list", ["RQ_INN"], {"ENTITY_TYPE_ID": COMPANY}))
    assert [row["RQ_INN"] for row in rows] == [str(number) for number in range(count)]
    assert portal.stats.violations == {}
