"""``svod reconcile``: the CRM read back and compared with what was loaded."""

import json
from collections import Counter
from pathlib import Path

import msgspec

from pipeline.access import crm_access
from pipeline.checks import check_crm_options
from pipeline.metrics import RunMetrics
from pipeline.options import Options
from pipeline.plan.file import private_file
from pipeline.run import execute_run
from transforms.core.identity import Run
from transforms.core.outcomes import DONE, INCOMPLETE, RunStatus
from transforms.core.records import COMPANY, CONTACT
from transforms.crm.access import load_crm, open_client
from transforms.crm.api.portal import Portal
from transforms.crm.reconciliation import FINDINGS, LEFT, Finding, Reconciliation, repair
from transforms.ledger.database import Ledger
from transforms.ledger.runs import finish_run

_SHOWN = 20
_MEANING = {
    "missing": "loaded, and not there any more: deleted by people",
    "changed": "changed by people: theirs from now on",
    "doubled": "a second record with the same mark: merge them in the CRM",
    "strange": "with our mark, and not known to the ledger",
    "behind": "not in the version that was sent last",
    LEFT: "no row of a store stands for it any more: decide what becomes of it",
}


def reconcile(chosen: Options, repairs: bool) -> int:
    """Compare, tell, and with ``repairs`` put right what is ours. The exit code."""
    check_crm_options(chosen)
    found: list[Finding] = []

    def work(ledger: Ledger, run: Run) -> None:
        access = crm_access(chosen)
        client = open_client(access, ledger)
        try:
            portal = Portal(client)
            portal.check()
            found.extend(Reconciliation(ledger, portal).findings())
        finally:
            client.close()
        if repairs and found:
            load_crm(ledger, run, access, repair(ledger, run, found))

    def finish(ledger: Ledger, run: Run, metrics: RunMetrics) -> RunStatus:
        finish_run(ledger, run, DONE, None)
        _tell(found)
        if chosen.report:
            path = Path(chosen.report) / "reconcile.jsonl"
            with private_file(path) as file:
                file.writelines(f"{msgspec.json.encode(one).decode()}\n" for one in found)
            print(f"All of them: {path}")
        differ = any(one.finding != LEFT for one in found)
        return INCOMPLETE if differ and not repairs else DONE

    return execute_run("reconcile", chosen, work, finish)


def _tell(found: list[Finding]) -> None:
    if all(one.finding == LEFT for one in found):
        print("The CRM holds what was loaded.")
    counts = Counter((one.finding, one.kind) for one in found)
    for name in FINDINGS:
        for kind in (COMPANY, CONTACT):
            if count := counts[name, kind]:
                print(f"{count:,} {kind} {name}: {_MEANING[name]}")
    for one in found[:_SHOWN]:
        told = f" ({', '.join(one.fields)})" if one.fields else ""
        print(f"  {one.finding} {one.kind} {json.dumps(one.key)} id {one.crm_id}{told}")
