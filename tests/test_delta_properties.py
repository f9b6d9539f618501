"""Full loads and deltas in any order, cut anywhere: the CRM holds what the ledger says, once."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from test_graph_properties import of_one_run, run_until

from sandbox.bitrix24 import Bitrix24
from tests.helpers.golden_load import load, values
from tests.helpers.ledger_runs import run_once, snapshot
from tests.helpers.ledgers import empty, open_ledger
from tests.helpers.row_histories import histories
from transforms.core.golden_records import decode_golden_company, decode_golden_contact
from transforms.core.records import COMPANY, Row
from transforms.crm.api import mapping
from transforms.ledger import schema
from transforms.ledger.database import Ledger


@pytest.fixture(scope="module")
def ledger() -> Iterator[Ledger]:
    ledger = open_ledger("sqlite://")
    yield ledger
    ledger.close()


@settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(history=histories())
def test_any_order_and_any_cut_give_the_same_crm(
    ledger: Ledger, history: tuple[list[Row], list[list[Row]], list[str]]
) -> None:
    versions, runs, how_far = history
    expected = of_one_run(ledger, versions)
    empty(ledger)
    with Bitrix24(limits=False) as portal:
        before: list[Row] = []
        for rows, how in zip(runs, how_far, strict=True):
            # As a delta does, each reads again what came just before.
            run = run_until(ledger, before + rows, how)
            if how == "whole":
                load(ledger, portal, run)
            before = rows
        load(ledger, portal, run_once(ledger))
        assert snapshot(ledger) == expected
        holds(portal, ledger)
        written = portal.stats.writes
        load(ledger, portal, run_once(ledger, versions))
        assert portal.stats.writes == written


def holds(portal: Bitrix24, ledger: Ledger) -> None:
    """The portal has each golden record, once and as it is; nothing of ours is there unknown."""
    assert portal.state.duplicates("companies") == portal.state.duplicates("contacts") == {}
    with ledger.read() as connection:
        goldens = connection.execute(schema.golden.select()).all()
        crossed = connection.execute(schema.crosswalk.select()).all()
    assert {(one.kind, one.key) for one in goldens} <= {(one.kind, one.key) for one in crossed}
    ids = {(one.kind, one.key): one.crm_id for one in crossed}
    companies = {one["originId"]: one for one in portal.companies()}
    contacts = {one["originId"]: one for one in portal.contacts()}
    assert len(ids) == len(companies) + len(contacts)
    for golden in goldens:
        if golden.kind == COMPANY:
            company = decode_golden_company(golden.payload)
            row, fields = companies[golden.key], mapping.company_item(company)
            assert row["title"] == fields["title"]
            phones, kind = company.phones, "companies"
        else:
            contact = decode_golden_contact(golden.payload)
            row, fields = contacts[golden.key], mapping.contact_item(contact)
            assert {name: row[name] for name in _NAMES if name in fields} == {
                name: fields[name] for name in _NAMES if name in fields
            }
            # Links are only added: a former company's stays.
            assert {ids[COMPANY, tin] for tin in contact.tins} <= set(row["companyIds"])
            phones, kind = contact.phones, "contacts"
        assert row["id"] == ids[golden.kind, golden.key]
        assert row["originVersion"] == golden.version
        if phones:  # The last one is never taken away.
            assert sorted(values(portal, kind, golden.key, "PHONE")) == sorted(phones)


_NAMES = ("lastName", "name", "secondName")
