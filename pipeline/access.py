"""Access to the services of a run, by the command's options; secrets are there by name only."""

from pipeline import options
from pipeline.options import Options
from transforms.configuration.stores import former_keys_of, stores_of
from transforms.consolidation.register_questions import RegisterAccess
from transforms.crm.access import CrmAccess
from transforms.crm.card_settings import card_settings
from transforms.ledger.database import Ledger
from transforms.ledger.stores import write_stores
from transforms.stores.topic.client import TopicAccess


def register_access(chosen: Options) -> RegisterAccess:
    """The register's address, key and limits."""
    return RegisterAccess(
        chosen.register, options.REGISTER_TOKEN, chosen.register_rate, chosen.register_daily
    )


def crm_access(chosen: Options) -> CrmAccess:
    """The CRM's webhook, its limits, and the defaults of new records."""
    return CrmAccess(
        options.CRM,
        chosen.crm_rate,
        chosen.crm_burst,
        chosen.crm_operating,
        chosen.crm_settle,
        chosen.crm_company_type,
        card_settings(chosen.configuration.crm, chosen.crm_responsible),
    )


def topic_access(chosen: Options) -> TopicAccess:
    """The brokers, topic and group of store B."""
    return TopicAccess(
        chosen.store_b_kafka,
        chosen.store_b_topic,
        chosen.store_b_group,
        chosen.store_b_kafka_config,
    )


def write_configured_stores(ledger: Ledger, chosen: Options) -> None:
    """Let the ledger know the stores of the configuration; the caller holds the ledger's lock.

    Raises:
        ConfigurationError: a store cannot be renamed, for the ledger has rows of both keys.
    """
    configuration = chosen.configuration
    write_stores(ledger, stores_of(configuration), former_keys_of(configuration))
