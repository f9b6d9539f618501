"""Access to the services of a run, by the command's options; secrets are there by name only."""

from pipeline import options
from pipeline.options import Options
from transforms.consolidation.register_questions import RegisterAccess
from transforms.crm.access import CrmAccess
from transforms.stores.topic.client import TopicAccess


def register_access(chosen: Options) -> RegisterAccess:
    """The register, and how much it may be asked."""
    return RegisterAccess(
        chosen.register, options.REGISTER_TOKEN, chosen.register_rate, chosen.register_daily
    )


def crm_access(chosen: Options) -> CrmAccess:
    """The CRM, and what it allows."""
    return CrmAccess(
        options.CRM,
        chosen.crm_rate,
        chosen.crm_burst,
        chosen.crm_operating,
        chosen.crm_settle,
        chosen.crm_responsible,
        chosen.crm_company_type,
    )


def topic_access(chosen: Options) -> TopicAccess:
    """Store B's topic."""
    return TopicAccess(
        chosen.store_b_kafka,
        chosen.store_b_topic,
        chosen.store_b_group,
        chosen.store_b_kafka_config,
    )
