"""``svod crm setup``: check what the portal lacks, and create our custom fields."""

from pipeline.access import crm_access
from pipeline.checks import check_crm_options
from pipeline.options import Options
from transforms.core.records import COMPANY
from transforms.crm.access import PORTAL_CHECKS, open_client
from transforms.crm.api.custom_fields import create_missing
from transforms.crm.api.portal import Portal
from transforms.ledger.database import open_ledger
from transforms.ledger.loads import load_queue
from transforms.ledger.lock import exclusive


def set_up(chosen: Options) -> list[str]:
    """Check the portal and create our custom fields; return lines to print.

    Raises:
        ConfigurationError: naming all that the portal lacks and a person has to do.
    """
    check_crm_options(chosen)
    ledger = open_ledger(chosen.ledger)
    try:
        with exclusive(ledger):
            with open_client(crm_access(chosen), ledger) as client:
                portal = Portal(client)
                portal.check()
                created = create_missing(client, portal.custom)
            if created:
                PORTAL_CHECKS.forget()
                ledger.transact(lambda connection: load_queue.requeue_all(connection, COMPANY))
    finally:
        ledger.close()
    if not created:
        return ["The portal has all that svod needs."]
    return [*(f"created: {name}" for name in created), "The next run fills them in."]
