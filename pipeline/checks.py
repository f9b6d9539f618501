"""Checks of a command's options and of the portal, before anything is read."""

import logging
import os
from pathlib import Path

from pipeline.access import crm_access, topic_access
from pipeline.console import say
from pipeline.engine import runner
from pipeline.options import CRM, REGISTER_TOKEN, Options, need
from transforms.core.errors import ConfigurationError
from transforms.crm.access import open_client, open_portal
from transforms.crm.api.client import check_webhook
from transforms.crm.errors import CrmUnavailable, Stop
from transforms.ledger.database import Ledger
from transforms.read_store_b import check_files
from transforms.register.connection import check_token, check_url
from transforms.stores.mysql.check import check_store_a
from transforms.stores.topic.check import check_topic

# Seconds before the portal is tried again: short, for a person waits at the terminal.
_SHORT_WAITS = (1.0, 2.0)


def check_options(chosen: Options) -> None:
    """Check all options of a run: CRM, register, engine, stores.

    Raises:
        ConfigurationError: naming the option.
        AwayError: a store does not answer.
    """
    check_crm_options(chosen)
    need(chosen.register, "register", "SVOD_REGISTER")
    need(chosen.register_token, "register_token", REGISTER_TOKEN.variable)
    check_url(chosen.register)
    check_token(chosen.register_token)
    runner(chosen)
    if chosen.store_a:
        check_store_a(chosen.store_a)
    if chosen.store_b_files:
        check_files(chosen.store_b_files, chosen.store_b_encoding)
    if chosen.store_b_kafka:
        check_topic(topic_access(chosen))


def check_crm_options(chosen: Options) -> None:
    """Check the options of the CRM, and the folders of report and metrics.

    Raises:
        ConfigurationError: naming the option.
    """
    # Beam logs the traceback of what goes wrong, and its last line may quote a customer.
    for name in ("apache_beam", "PrismRunner"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    need(chosen.crm, "crm", CRM.variable)
    check_webhook(chosen.crm)
    if chosen.report:
        _check_folder("--report", chosen.report)
    if chosen.metrics_file:
        _check_folder("--metrics_file", str(Path(chosen.metrics_file).parent))


def _check_folder(option: str, folder: str) -> None:
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{option}: cannot make {folder}: {error.strerror}") from None
    if not os.access(folder, os.W_OK):
        raise ConfigurationError(f"{option}: may not write into {folder}")


def check_portal(chosen: Options, ledger: Ledger) -> None:
    """Ask the portal whether it is fit. One that does not answer may do so later: a warning.

    Raises:
        ConfigurationError: naming ``--crm`` and what is wrong.
    """
    access = crm_access(chosen)
    client = open_client(access, ledger, waits=_SHORT_WAITS)
    try:
        open_portal(client, access).check()
    except Stop as error:
        raise ConfigurationError(f"--crm: {error}") from None
    except CrmUnavailable as error:
        say(f"warning: the CRM does not answer yet ({error}); reading goes on")
    finally:
        client.close()
