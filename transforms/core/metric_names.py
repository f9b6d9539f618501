"""All names under which Svod counts: Prometheus metrics, Beam counters, the stages of a run."""

from typing import Literal, NamedTuple, get_args


class Metric(NamedTuple):
    """A Prometheus metric: its name, what it measures in which unit, and its labels."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


# Counters: they begin with the process.
RUNS = Metric("svod_runs_total", "Runs that ended, by their status.", ("status",))
RECORDS = Metric(
    "svod_records_total",
    "Records that ended runs counted, by kind, outcome and, if refused, the reason.",
    ("kind", "outcome", "reason"),
)
CRM_REQUESTS = Metric("svod_crm_requests_total", "Requests sent to the CRM.")
CRM_REFUSED = Metric("svod_crm_refused_total", "Requests that the CRM refused for its limits.")
REGISTER_QUESTIONS = Metric("svod_register_questions_total", "Questions put to the register.")

# Gauges: they are read when they are asked for.
START_TIME = Metric("svod_start_time_seconds", "When the process started, since the epoch.")
LAST_SUCCESS = Metric(
    "svod_last_success_timestamp_seconds", "When the last run ended well, since the epoch."
)
LAG_EVENTS = Metric(
    "svod_lag_events",
    "Events of a topic that are not loaded yet; the store where there are several topics.",
    ("partition", "store"),
)
LAG_SECONDS = Metric("svod_lag_seconds", "For how long the oldest such event has been known.")
CRM_BUCKET_USED = Metric("svod_crm_bucket_used", "Requests in the CRM's leaky bucket now.")
CRM_BUCKET_SIZE = Metric("svod_crm_bucket_size", "Requests that the bucket holds.")
CRM_OPERATING = Metric(
    "svod_crm_operating_seconds", "Operating time used within the CRM's window.", ("method",)
)
CRM_OPERATING_LIMIT = Metric(
    "svod_crm_operating_limit_seconds", "Operating time allowed within the window.", ("method",)
)
REGISTER_LEFT = Metric("svod_register_questions_left", "Questions left for the register today.")
REGISTER_LIMIT = Metric("svod_register_questions_limit", "Questions allowed in a day.")

# Beam counters: a namespace and a name. Those of cleaning are named after the outcome of the rows.
CLEAN = "clean"
READ = "read"
REPLACED_CHARACTERS = "replaced_characters"

StageName = Literal[
    "read", "remember", "register", "companies", "contacts", "load companies", "load contacts"
]
STAGES: tuple[StageName, ...] = get_args(StageName)
"""The stages of a run's progress, in the order in which people see them."""
