"""``svod crm setup``: check what the portal lacks, and create our custom fields."""

from pipeline.access import crm_access
from pipeline.checks import check_crm_options
from pipeline.options import Options
from transforms.core.records import COMPANY
from transforms.crm.access import PORTAL_CHECKS, open_client, open_portal
from transforms.crm.api.custom_fields import create_fields, missing_fields
from transforms.crm.api.mapping import COMPANY_TYPE
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
            access = crm_access(chosen)
            with open_client(access, ledger) as client:
                open_portal(client, access).check()
                missing = missing_fields(client.fields(COMPANY_TYPE))
                created = create_fields(client, missing)
            if created:
                PORTAL_CHECKS.forget()
                ledger.transact(lambda connection: load_queue.requeue_all(connection, COMPANY))
    finally:
        ledger.close()
    if not created:
        return ["The portal has all that svod needs."]
    return [*(f"created: {name}" for name in created), "The next run fills them in."]
