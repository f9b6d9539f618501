"""The whole report as one HTML file that needs nothing else."""

from pipeline.report.funnel import funnels
from pipeline.report.rendering import render_template
from pipeline.report.report_data import ReportData
from pipeline.report.store_bars import overlap_parts
from pipeline.report.timeline import draw_timeline
from pipeline.report.to_do import to_do

# Requests a second that a portal allows, for runs whose summary does not say it.
_CRM_RATE = 2.0


def render_report(report: ReportData) -> str:
    """Returns the report's HTML, in Russian."""
    run = report.run
    rejected = sum(rejection.count for rejection in report.rejections)
    rate = float(run.summary.get("crm", {}).get("rate", _CRM_RATE))
    return render_template(
        "report/templates/report.html.j2",
        report=report,
        run=run,
        stores=report.stores,
        named_stores=[store for store in report.stores if store.key not in store.title.split()],
        to_do=to_do(run, report.dead_letters, report.queues, rejected),
        funnels=funnels(run, report.queues),
        overlaps={
            kind: overlap_parts(counts, report.stores) for kind, counts in report.overlaps.items()
        },
        timeline=draw_timeline(report.minutes, rate * 60),
    )
