"""Loading: what the ledger says that the CRM should hold, and does not yet.

Companies first, with their requisites, addresses and bank details, then contacts with literal
company ids. The ledger says what is left to do, so a load that was cut off goes on where it was.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from transforms.crm import mapping
from transforms.crm.creates import Creates
from transforms.crm.errors import Refused
from transforms.crm.items import Items, Wanted
from transforms.crm.parts import CompanyParts, Holder
from transforms.crm.portal import Portal
from transforms.ledger import loads
from transforms.ledger.database import Ledger
from transforms.ledger.loads import ITEM, Pending, Refusal, Sent
from transforms.ledger.runs import Progress
from transforms.ledger.source_rows import Run, now
from transforms.matching.golden import (
    GoldenCompany,
    GoldenContact,
    decode_golden_company,
    decode_golden_contact,
)
from transforms.records import COMPANY, CONTACT

_CHUNK = 500
# A record whose outcome is still unknown after so many passes waits for the next run.
_PASSES = 20


class Loader:
    """Loads all that is pending; ``settle`` is the longest time a request may take, in seconds."""

    def __init__(self, ledger: Ledger, run: Run, portal: Portal, settle: float) -> None:
        self._ledger, self._run, self._portal, self._settle = ledger, run, portal, settle

    def load(self) -> None:
        """Load companies, then contacts.

        Raises:
            CrmUnavailable: when the portal stopped answering; nothing is lost.
            Stop: when it refuses to go on.
        """
        with self._ledger.read() as connection:
            companies = loads.count_pending(connection, COMPANY)
            contacts = loads.count_pending(connection, CONTACT)
        if not companies and not contacts:
            return
        self._portal.check()
        self._passes(COMPANY, companies, _Companies(self._ledger, self._run, self._portal))
        # Companies that are there now may have made contacts pending, or let others go on.
        with self._ledger.read() as connection:
            contacts = loads.count_pending(connection, CONTACT)
        self._passes(CONTACT, contacts, _Contacts(self._ledger, self._run, self._portal))

    def _passes(self, kind: str, total: int, step: "_Companies | _Contacts") -> None:
        progress = Progress(self._ledger, self._run, f"load {_PLURAL[kind]}", total=total)
        for _ in range(_PASSES):
            creates = Creates(self._ledger, kind, self._settle)
            for chunk in self._pending(kind):
                progress.add(step.load(chunk, creates))
            if creates.retry_at is None:
                break
            time.sleep(max(0.0, (creates.retry_at - now()) / 1e6))
        progress.flush()

    def _pending(self, kind: str) -> Iterator[list[Pending]]:
        after = ""
        while True:
            with self._ledger.read() as connection:
                chunk = loads.pending(connection, kind, after, _CHUNK)
            if not chunk:
                return
            yield chunk
            after = chunk[-1].key


_PLURAL = {COMPANY: "companies", CONTACT: "contacts"}


class _Step:
    kind: str
    entity_type: int

    def __init__(self, ledger: Ledger, run: Run, portal: Portal) -> None:
        self._ledger, self._run, self._portal = ledger, run, portal

    def _items(self, creates: Creates) -> Items:
        return Items(self._ledger, self._run, self._portal, self.kind, self.entity_type, creates)

    def _finish(
        self, wanted: Sequence[Wanted[Any]], done: set[str], refused: Mapping[str, Refused]
    ) -> int:
        """Enter what is loaded in full and what is refused; returns how many are settled."""
        refusals = [
            Refusal(
                one.key,
                one.version,
                refused[one.key].code or "refused",
                refused[one.key].description,
                json.dumps(one.fields, ensure_ascii=False),
            )
            for one in wanted
            if one.key in refused
        ]
        loaded = {one.key: (one.crm_id, one.version) for one in wanted if one.key in done}

        def enter(connection: Any) -> None:
            loads.reject(connection, self._run, self.kind, refusals)
            loads.complete(connection, self._run, self.kind, loaded)

        self._ledger.transact(enter)
        return len(refusals) + len(loaded)


class _Companies(_Step):
    kind, entity_type = COMPANY, mapping.COMPANY_TYPE

    def load(self, chunk: Sequence[Pending], creates: Creates) -> int:
        wanted: list[Wanted[GoldenCompany]] = []
        for one in chunk:
            company = decode_golden_company(one.payload)
            fields = mapping.company_item(company) | mapping.origin(one.key, one.version)
            wanted.append(Wanted(one.key, one.version, company, fields, one.crm_id))
        new = {one.key for one in wanted if not one.crm_id}
        items = self._items(creates)
        sent = items.bring(wanted)
        holders = {
            one.key: Holder(one.record, one.crm_id, sent.get(one.key, {}), one.fresh)
            for one in wanted
            if one.crm_id and one.key not in items.refused
        }
        done, refused = CompanyParts(self._ledger, self._portal, creates).load(holders)
        arrived = sorted(one.key for one in wanted if one.crm_id and one.key in new)
        self._ledger.transact(lambda connection: loads.relink_contacts(connection, arrived))
        return self._finish(wanted, done, items.refused | refused)


class _Contacts(_Step):
    kind, entity_type = CONTACT, mapping.CONTACT_TYPE

    def load(self, chunk: Sequence[Pending], creates: Creates) -> int:
        wanted: list[Wanted[GoldenContact]] = []
        companies = self._company_ids(chunk)
        for one in chunk:
            contact = decode_golden_contact(one.payload)
            ids = [companies[tin] for tin in contact.tins if tin in companies]
            if not ids:
                continue  # none of its companies is in the CRM: not reached
            fields = mapping.contact_item(contact) | mapping.origin(one.key, one.version)
            wanted.append(
                Wanted(one.key, one.version, contact, fields | {"companyIds": ids}, one.crm_id)
            )
        items = self._items(creates)
        sent = items.bring(wanted)
        there = [one for one in wanted if one.crm_id and one.key not in items.refused]
        done, refused = self._link(there, sent, creates)
        return self._finish(wanted, done, items.refused | refused)

    def _company_ids(self, chunk: Sequence[Pending]) -> dict[str, int]:
        tins = {tin for one in chunk for tin in decode_golden_contact(one.payload).tins}
        with self._ledger.read() as connection:
            return loads.crm_ids(connection, COMPANY, sorted(tins))

    def _link(
        self,
        there: Sequence[Wanted[GoldenContact]],
        sent: Mapping[str, Mapping[str, Sent]],
        creates: Creates,
    ) -> tuple[set[str], dict[str, Refused]]:
        """Add the links that are missing; those that people made are never touched."""
        calls = {
            (one.key, company_id): {"id": one.crm_id, "fields": {"COMPANY_ID": company_id}}
            for one in there
            if not one.fresh
            for company_id in one.fields["companyIds"]
            if company_id not in _linked(sent, one.key)
        }
        outcomes = self._portal.each("crm.contact.company.add", calls)
        refused = {key: error for (key, _), error in outcomes.refused.items()}
        unknown = {key for key, _ in calls.keys() - outcomes.known()}
        if unknown:
            creates.try_again_at(now())
        done = {one.key for one in there} - refused.keys() - unknown
        linked = {
            (one.key, ITEM): Sent(one.crm_id, one.fields)
            for one in there
            if one.key in done & {key for key, _ in calls}
        }
        self._ledger.transact(lambda connection: loads.save_sent(connection, CONTACT, linked))
        return done, refused


def _linked(sent: Mapping[str, Mapping[str, Sent]], key: str) -> list[int]:
    item = sent.get(key, {}).get(ITEM)
    return list(item.fields.get("companyIds", ())) if item else []
