"""Loading companies: items with their requisites, addresses and bank details."""

from collections.abc import Sequence
from functools import partial

from transforms.core.golden_records import GoldenCompany, decode_golden_company
from transforms.core.records import COMPANY
from transforms.crm.api import mapping
from transforms.crm.loading.adopt_existing import adopt_companies
from transforms.crm.loading.card_values import company_values
from transforms.crm.loading.creates import IdempotentCreates
from transforms.crm.loading.items import DesiredItem
from transforms.crm.loading.record_loader import RecordLoader
from transforms.crm.loading.requisites import RequisiteOwner, RequisiteWriter
from transforms.crm.responsible import RESPONSIBLE, responsible_for
from transforms.ledger.loads.load_queue import PendingRecord


class CompanyLoader(RecordLoader):
    """Loads companies. A company that people made before us, with the same TIN, is adopted."""

    kind, entity_type = COMPANY, mapping.ENTITY_TYPES[COMPANY]

    def desired_item(self, pending: PendingRecord) -> DesiredItem[GoldenCompany]:
        """The item that the CRM is to hold of a company, without the portal's own fields."""
        company = decode_golden_company(pending.payload)
        user = responsible_for(company, self._portal.cards)
        responsible = {RESPONSIBLE: user} if user and not pending.crm_id else {}
        fields = (
            self._new_record_fields(pending)
            | responsible
            | mapping.company_item(company)
            | mapping.origin(pending.key, pending.version)
        )
        return DesiredItem(pending.key, pending.version, company, fields, pending.crm_id)

    def load(self, chunk: Sequence[PendingRecord], creates: IdempotentCreates) -> int:
        """Load these companies; return how many are settled."""
        items = self._add_card_values(list(map(self.desired_item, chunk)), company_values)
        writer = self._item_writer(creates, partial(adopt_companies, self._portal))
        sent = writer.write(items)
        owners = {
            item.key: RequisiteOwner(item.record, item.crm_id, sent.get(item.key, {}), item.is_new)
            for item in items
            if item.crm_id and item.key not in writer.rejected
        }
        requisites = RequisiteWriter(self._journal, self._portal, creates, owners)
        requisites.write()
        return self._finish(items, requisites.complete, writer.rejected | requisites.rejected)
