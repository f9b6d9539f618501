"""Access to the services of a run, by the command's options; secrets are there by name only."""

from pipeline import options
from pipeline.options import Options
from transforms.configuration.selection import readable_stores
from transforms.configuration.stores import former_keys_of, stores_of
from transforms.configuration.structs import ChangesSource, StoreTable
from transforms.consolidation.register_questions import RegisterAccess
from transforms.core.secrets import Secret
from transforms.crm.access import CrmAccess
from transforms.crm.card_settings import card_settings
from transforms.ledger.database import Ledger
from transforms.ledger.renaming import Renaming
from transforms.ledger.stores import write_stores
from transforms.stores.sql.cursors import cursor_names
from transforms.stores.topic.client import SettingNames, TopicAccess


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


def topic_accesses(chosen: Options) -> tuple[TopicAccess, ...]:
    """The topics in which stores publish their changes, by priority and key of the stores."""
    stores = readable_stores(chosen.configuration, "delta")
    return tuple(
        _topic_access(chosen, key, store, store.changes)
        for key, store in stores.items()
        if store.changes and store.changes.kind == "kafka" and chosen.reads(key)
    )


def _topic_access(
    chosen: Options, key: str, store: StoreTable, changes: ChangesSource
) -> TopicAccess:
    return TopicAccess(
        changes.brokers or Secret(changes.brokers_env or "").value(),
        changes.topic or "",
        changes.group or f"svod-{key}",
        changes.config_file or "",
        key,
        store.title or key,
        _setting_names(chosen, key),
    )


def _setting_names(chosen: Options, key: str) -> SettingNames:
    if not chosen.has_file_stores:
        return _BUILT_IN_NAMES
    table = f"{chosen.configuration_file}: store.{key}.changes"
    return SettingNames(
        f"{table}.brokers", f"{table}.topic", f"{table}.group", f"{table}.config_file"
    )


# The options of the built-in store that has a topic.
_BUILT_IN_NAMES = SettingNames(
    "--store_b_kafka", "--store_b_topic", "--store_b_group", "--store_b_kafka_config"
)


def polled_stores(chosen: Options) -> tuple[str, ...]:
    """The keys of the stores whose changes are asked for, not published in a topic."""
    stores = readable_stores(chosen.configuration, "delta")
    return tuple(
        key for key, store in stores.items() if store.changes and store.changes.kind != "kafka"
    )


def write_configured_stores(ledger: Ledger, chosen: Options) -> None:
    """Let the ledger know the stores of the configuration; the caller holds the ledger's lock.

    Raises:
        ConfigurationError: a store cannot be renamed, for the ledger has rows of both keys.
    """
    configuration = chosen.configuration
    renamings = [
        Renaming(key, former_key, cursor_names(former_key, key))
        for key, former_key in sorted(former_keys_of(configuration).items())
    ]
    write_stores(ledger, stores_of(configuration), renamings)
