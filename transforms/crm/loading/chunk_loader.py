"""A chunk of companies, or of contacts, brought to the CRM with all that hangs on it."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from sqlalchemy.engine import Connection

from transforms.core.golden_records import (
    GoldenCompany,
    GoldenContact,
    decode_golden_company,
    decode_golden_contact,
)
from transforms.core.identity import Run
from transforms.core.outcomes import COMPANY_REJECTED
from transforms.core.records import COMPANY, CONTACT
from transforms.crm.api import mapping
from transforms.crm.api.custom_fields import custom_values
from transforms.crm.api.outcomes import Fields, Rejection, rejection
from transforms.crm.api.portal import Portal
from transforms.crm.errors import Refused
from transforms.crm.loading.adopt_existing import adopt_companies
from transforms.crm.loading.creates import Creates
from transforms.crm.loading.items import Adopt, Items, Wanted
from transforms.crm.loading.requisites import CompanyParts, Holder
from transforms.ledger.base.goldens import contacts_in
from transforms.ledger.database import Ledger
from transforms.ledger.loads import load_queue, rejections
from transforms.ledger.loads.load_queue import PendingRecord
from transforms.ledger.loads.rejections import RejectedRecord
from transforms.ledger.loads.sent import ITEM, Sent, save_sent, sent_parts

R = TypeVar("R")


class Step:
    """Brings chunks of one kind."""

    kind: str
    entity_type: int

    def __init__(self, ledger: Ledger, run: Run, portal: Portal) -> None:
        self._ledger, self._run, self._portal = ledger, run, portal

    def load(self, chunk: Sequence[PendingRecord], creates: Creates) -> int:
        """Bring these records; gives how many are settled."""
        raise NotImplementedError

    def _items(self, creates: Creates, adopt: Adopt = lambda keys, select: {}) -> Items:
        return Items(
            self._ledger, self._run, self._portal, self.kind, self.entity_type, creates, adopt
        )

    def _finish(
        self, wanted: Sequence[Wanted[Any]], done: set[str], rejected: Mapping[str, Rejection]
    ) -> int:
        """Enter what is loaded in full and what is rejected; returns how many are settled."""
        refusals = [_refusal(one, rejected[one.key]) for one in wanted if one.key in rejected]
        loaded = {one.key: (one.crm_id, one.version) for one in wanted if one.key in done}

        def enter(connection: Connection) -> None:
            rejections.reject(connection, self._run, self.kind, refusals)
            load_queue.mark_loaded(connection, self._run, self.kind, loaded)

        self._ledger.transact(enter)
        return len(refusals) + len(loaded)


def _refusal(one: Wanted[Any], rejection: Rejection) -> RejectedRecord:
    error, sent = rejection
    record = json.dumps(sent, ensure_ascii=False)
    return RejectedRecord(one.key, one.version, error.code, error.description, record)


def wanted_company(pending: PendingRecord, portal: Portal) -> Wanted[GoldenCompany]:
    """What the CRM is to hold of a company's item."""
    company = decode_golden_company(pending.payload)
    fields = mapping.company_item(company) | custom_values(company, portal.custom)
    return _wanted(pending, company, portal.given.get(mapping.COMPANY_TYPE, {}) | fields)


def wanted_contact(pending: PendingRecord, portal: Portal) -> Wanted[GoldenContact]:
    """What the CRM is to hold of a contact's item, but for its links."""
    contact = decode_golden_contact(pending.payload)
    given = portal.given.get(mapping.CONTACT_TYPE, {})
    return _wanted(pending, contact, given | mapping.contact_item(contact))


def _wanted(pending: PendingRecord, record: R, fields: Fields) -> Wanted[R]:
    fields = fields | mapping.origin(pending.key, pending.version)
    return Wanted(pending.key, pending.version, record, fields, pending.crm_id)


class Companies(Step):
    """Items with their requisites, addresses and bank details."""

    kind, entity_type = COMPANY, mapping.COMPANY_TYPE

    def load(self, chunk: Sequence[PendingRecord], creates: Creates) -> int:
        """Bring these companies; gives how many are settled."""
        wanted = [wanted_company(one, self._portal) for one in chunk]
        items = self._items(creates, partial(adopt_companies, self._portal))
        sent = items.bring(wanted)
        holders = {
            one.key: Holder(one.record, one.crm_id, sent.get(one.key, {}), one.fresh)
            for one in wanted
            if one.crm_id and one.key not in items.rejected
        }
        parts = CompanyParts(self._ledger, self._run, self._portal, creates, holders)
        parts.load()
        return self._finish(wanted, parts.done, items.rejected | parts.rejected)


class Contacts(Step):
    """Items with their links to companies."""

    kind, entity_type = CONTACT, mapping.CONTACT_TYPE

    def ready(self, tins: Sequence[str]) -> list[PendingRecord]:
        """Contacts of these companies that are to be loaded, and miss none of their companies."""
        with self._ledger.read() as connection:
            pending = load_queue.pending_records(connection, CONTACT, contacts_in(connection, tins))
            tins_of = {one.key: decode_golden_contact(one.payload).tins for one in pending}
            wanted = sorted({tin for of_one in tins_of.values() for tin in of_one})
            waited_for = load_queue.missing_in_crm(connection, COMPANY, wanted)
        return [one for one in pending if waited_for.isdisjoint(tins_of[one.key])]

    def load(self, chunk: Sequence[PendingRecord], creates: Creates) -> int:
        """Bring these contacts; gives how many are settled."""
        contacts = {one.key: decode_golden_contact(one.payload) for one in chunk}
        tins = sorted({tin for contact in contacts.values() for tin in contact.tins})
        with self._ledger.read() as connection:
            refused = rejections.rejected_keys(connection, COMPANY, tins)
            companies = load_queue.crm_ids(connection, COMPANY, tins)
        gone = self._deleted(companies)
        wanted: list[Wanted[GoldenContact]] = []
        orphans: dict[str, Wanted[GoldenContact]] = {}
        for one in chunk:
            there = companies.keys() - gone
            new = wanted_contact(one, self._portal)
            tins_of = new.record.tins
            new.fields[mapping.LINKS] = [companies[tin] for tin in tins_of if tin in there]
            if new.fields[mapping.LINKS] or one.crm_id:
                wanted.append(new)
            elif (refused | gone).issuperset(tins_of):
                orphans[one.key] = new
        items = self._items(creates)
        sent = items.bring(wanted)
        linkable = [one for one in wanted if one.crm_id and one.key not in items.rejected]
        done, rejected = self._link(linkable, sent, creates)
        rejected |= items.rejected | {key: _orphaned(one) for key, one in orphans.items()}
        return self._finish([*wanted, *orphans.values()], done, rejected)

    def _deleted(self, companies: Mapping[str, int]) -> set[str]:
        """Those of the companies that a person has deleted: they are reported.

        A link to a company that is not there would be dropped without a word.
        """
        with self._ledger.read() as connection:
            known = load_queue.keys_created_by(connection, self._run, COMPANY, list(companies))
        asked = {tin: crm_id for tin, crm_id in companies.items() if tin not in known}
        there = self._portal.items_by_id(mapping.COMPANY_TYPE, sorted(asked.values()), [])
        gone = {tin for tin, crm_id in asked.items() if crm_id not in there}
        if gone:
            self._ledger.transact(
                partial(rejections.reject_deleted, run=self._run, kind=COMPANY, keys=sorted(gone))
            )
        return gone

    def _link(
        self,
        there: Sequence[Wanted[GoldenContact]],
        sent: Mapping[str, Mapping[str, Sent]],
        creates: Creates,
    ) -> tuple[set[str], dict[str, Rejection]]:
        """Add the links that are missing; those that people made are never touched."""
        before = {one.key: sent[one.key][ITEM].fields[mapping.LINKS] for one in there}
        calls = {
            (one.key, company_id): {"id": one.crm_id, "fields": {"COMPANY_ID": company_id}}
            for one in there
            for company_id in one.fields[mapping.LINKS]
            if company_id not in before[one.key]
        }
        outcomes = self._portal.each("crm.contact.company.add", calls)
        rejected = {
            key: rejection(error, calls[key, company_id])
            for (key, company_id), error in outcomes.refused.items()
        }
        unknown = {key for key, _ in calls.keys() - outcomes.known()}
        if unknown:
            creates.try_again()
        done = {one.key for one in there} - rejected.keys() - unknown
        linked = [one for one in there if one.key in done & {key for key, _ in calls}]
        self._save_links(linked, before)
        return done, rejected

    def _save_links(
        self, linked: Sequence[Wanted[GoldenContact]], before: Mapping[str, list[int]]
    ) -> None:
        def save(connection: Connection) -> None:
            keys = [one.key for one in linked]
            load_queue.mark_updated(connection, self._run, CONTACT, keys)
            now_sent = sent_parts(connection, CONTACT, keys)
            links = {
                (one.key, ITEM): sorted({*before[one.key], *one.fields[mapping.LINKS]})
                for one in linked
            }
            save_sent(
                connection,
                CONTACT,
                {
                    (key, part): Sent(
                        now_sent[key][part].crm_id,
                        now_sent[key][part].fields | {mapping.LINKS: ids},
                    )
                    for (key, part), ids in links.items()
                },
            )

        self._ledger.transact(save)


def _orphaned(one: Wanted[GoldenContact]) -> Rejection:
    """A contact all whose companies the portal refuses: it waits until one of them is taken."""
    tins = ", ".join(one.record.tins)
    return Rejection(
        Refused(COMPANY_REJECTED, f"The CRM refuses its companies: {tins}"), one.fields
    )
