"""Loading contacts: items with their links to companies."""

from collections.abc import Collection, Mapping, Sequence

from transforms.core.golden_records import GoldenContact, decode_golden_contact
from transforms.core.outcomes import COMPANY_REJECTED
from transforms.core.records import CONTACT
from transforms.crm.api import mapping
from transforms.crm.api.outcomes import Fields, RefusedWrite, refused_write
from transforms.crm.api.portal import Item
from transforms.crm.errors import Refused
from transforms.crm.loading.card_values import contact_values
from transforms.crm.loading.creates import IdempotentCreates
from transforms.crm.loading.items import DesiredItem
from transforms.crm.loading.journal import SentParts
from transforms.crm.loading.record_loader import RecordLoader
from transforms.crm.responsible import RESPONSIBLE, responsible_for
from transforms.ledger.loads.load_queue import PendingRecord
from transforms.ledger.loads.sent import ITEM

LINK_METHOD = "crm.contact.company.add"

Contact = DesiredItem[GoldenContact]


class ContactLoader(RecordLoader):
    """Loads contacts, linked to those of their companies that are in the CRM."""

    kind, entity_type = CONTACT, mapping.ENTITY_TYPES[CONTACT]

    def desired_item(self, pending: PendingRecord) -> Contact:
        """The item that the CRM is to hold of a contact, without links and the portal's fields."""
        contact = decode_golden_contact(pending.payload)
        fields = (
            self._new_record_fields(pending)
            | mapping.contact_item(contact)
            | mapping.origin(pending.key, pending.version)
        )
        return DesiredItem(pending.key, pending.version, contact, fields, pending.crm_id)

    def load(self, chunk: Sequence[PendingRecord], creates: IdempotentCreates) -> int:
        """Load these contacts; return how many are settled.

        A new contact without a company in the CRM waits, or is rejected together with all of its
        companies.
        """
        contacts = self._add_card_values(list(map(self.desired_item, chunk)), contact_values)
        loadable, orphans = self._resolve_links(contacts)
        writer = self._item_writer(creates)
        sent = writer.write(loadable)
        linkable = [item for item in loadable if item.crm_id and item.key not in writer.rejected]
        linked, rejected = self._link(linkable, sent, creates)
        rejected |= writer.rejected | {item.key: _orphan_rejection(item) for item in orphans}
        return self._finish([*loadable, *orphans], linked, rejected)

    def _resolve_links(self, contacts: Sequence[Contact]) -> tuple[list[Contact], list[Contact]]:
        """Set the links of each contact; return those to load, and those without any company."""
        tins = sorted({tin for contact in contacts for tin in contact.record.tins})
        rejected = self._journal.rejected_companies(tins)
        ids = self._journal.company_ids(tins)
        deleted, users = self._report_deleted(ids)
        loadable: list[Contact] = []
        orphans: list[Contact] = []
        for contact in contacts:
            linked_tins = [tin for tin in contact.record.tins if tin in ids and tin not in deleted]
            contact.fields[mapping.LINKS] = [ids[tin] for tin in linked_tins]
            if linked_tins and not contact.crm_id and users.get(linked_tins[0]):
                contact.fields[RESPONSIBLE] = users[linked_tins[0]]
            if linked_tins or contact.crm_id:
                loadable.append(contact)
            elif (rejected | deleted).issuperset(contact.record.tins):
                orphans.append(contact)
        return loadable, orphans

    def _report_deleted(self, company_ids: Mapping[str, int]) -> tuple[set[str], dict[str, int]]:
        """Report those of the companies that a person has deleted in the CRM.

        The portal would silently drop a link to a company that does not exist. Returns these
        companies, and where rules say who is responsible, the users whom new contacts get.
        """
        created_now = self._journal.companies_created_now(list(company_ids))
        ids = {tin: crm_id for tin, crm_id in company_ids.items() if tin not in created_now}
        select = [RESPONSIBLE] if self._portal.cards.people else []
        items = self._portal.items_by_id(mapping.COMPANY_TYPE, sorted(ids.values()), select)
        deleted = {tin for tin, crm_id in ids.items() if crm_id not in items}
        if deleted:
            self._journal.report_deleted_companies(sorted(deleted))
        return deleted, self._company_users(ids, items, created_now)

    def _company_users(
        self, ids: Mapping[str, int], items: Mapping[int, Item], created_now: Collection[str]
    ) -> dict[str, int]:
        """Who is responsible for the companies, where rules say it of new ones."""
        if not self._portal.cards.people:
            return {}
        users = {
            tin: int(items[crm_id].fields.get(RESPONSIBLE) or 0)
            for tin, crm_id in ids.items()
            if crm_id in items
        }
        for company in self._journal.golden_companies(sorted(created_now)):
            users[company.tin] = responsible_for(company, self._portal.cards)
        return users

    def _link(
        self, contacts: Sequence[Contact], sent: SentParts, creates: IdempotentCreates
    ) -> tuple[set[str], dict[str, RefusedWrite]]:
        """Add the links that are missing; those that people made are never touched.

        Returns the keys of the contacts that have all their links, and the refused links.
        """
        links_before = {
            contact.key: sent[contact.key][ITEM].fields[mapping.LINKS] for contact in contacts
        }
        calls = _link_calls(contacts, links_before)
        outcomes = self._portal.sink.write_each(LINK_METHOD, calls)
        rejected = {
            write[0]: refused_write(error, calls[write])
            for write, error in outcomes.refused.items()
        }
        unknown = {key for key, _ in calls.keys() - outcomes.answered()}
        if unknown:
            creates.retry_when_settled()
        linked = {contact.key for contact in contacts} - rejected.keys() - unknown
        called = {key for key, _ in calls}
        self._journal.note_links(
            {
                contact.key: sorted({*links_before[contact.key], *contact.fields[mapping.LINKS]})
                for contact in contacts
                if contact.key in linked and contact.key in called
            }
        )
        return linked, rejected


def _link_calls(
    contacts: Sequence[Contact], links_before: Mapping[str, Sequence[int]]
) -> dict[tuple[str, int], Fields]:
    """The calls that add missing links, by contact and company id."""
    return {
        (contact.key, company_id): {"id": contact.crm_id, "fields": {"COMPANY_ID": company_id}}
        for contact in contacts
        for company_id in contact.fields[mapping.LINKS]
        if company_id not in links_before[contact.key]
    }


def _orphan_rejection(contact: Contact) -> RefusedWrite:
    """Reject a contact all of whose companies the portal refuses, until one is accepted."""
    tins = ", ".join(contact.record.tins)
    error = Refused(COMPANY_REJECTED, f"The CRM refuses its companies: {tins}")
    return RefusedWrite(error, contact.fields)
