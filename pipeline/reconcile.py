"""``svod reconcile``: read the CRM back and compare it with what was loaded."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
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
from transforms.crm.access import load_crm, open_client, open_portal
from transforms.crm.reconciliation import (
    FINDINGS,
    ORPHANED,
    Finding,
    FindingName,
    Reconciliation,
    repair,
)
from transforms.ledger.database import Ledger
from transforms.ledger.runs import finish_run

_SHOWN = 20
_MEANINGS: Mapping[FindingName, str] = {
    "missing": "loaded, and not there any more: deleted by people",
    "changed": "changed by people: theirs from now on",
    "doubled": "a second record with the same mark: merge them in the CRM",
    "strange": "with our mark, and not known to the ledger",
    "behind": "not in the version that was sent last",
    ORPHANED: "no row of a store stands for it any more: decide what becomes of it",
}


def reconcile(chosen: Options, repairs: bool) -> int:
    """Compare and print the findings; with ``repairs`` put right what is ours.

    Returns the exit code.
    """
    check_crm_options(chosen)
    findings: list[Finding] = []

    def work(ledger: Ledger, run: Run) -> None:
        access = crm_access(chosen)
        with open_client(access, ledger) as client:
            portal = open_portal(client, access)
            portal.check()
            findings.extend(Reconciliation(ledger, portal).findings())
        if repairs and findings:
            load_crm(ledger, run, access, repair(ledger, run, findings))

    def finish(ledger: Ledger, run: Run, metrics: RunMetrics) -> RunStatus:
        finish_run(ledger, run, DONE, None)
        _print_findings(findings)
        if chosen.report:
            path = Path(chosen.report) / "reconcile.jsonl"
            with private_file(path) as file:
                file.writelines(f"{msgspec.json.encode(f).decode()}\n" for f in findings)
            print(f"All of them: {path}")
        return INCOMPLETE if _differ(findings) and not repairs else DONE

    return execute_run("reconcile", chosen, work, finish)


def _differ(findings: Sequence[Finding]) -> bool:
    """Whether the CRM differs from what was loaded."""
    return any(finding.finding != ORPHANED for finding in findings)


def _print_findings(findings: Sequence[Finding]) -> None:
    if not _differ(findings):
        print("The CRM holds what was loaded.")
    counts = Counter((finding.finding, finding.kind) for finding in findings)
    for name in FINDINGS:
        for kind in (COMPANY, CONTACT):
            if count := counts[name, kind]:
                print(f"{count:,} {kind} {name}: {_MEANINGS[name]}")
    for finding in findings[:_SHOWN]:
        fields = f" ({', '.join(finding.fields)})" if finding.fields else ""
        key = json.dumps(finding.key)
        print(f"  {finding.finding} {finding.kind} {key} id {finding.crm_id}{fields}")
