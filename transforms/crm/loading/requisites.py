"""A company's requisites in the CRM, with what belongs to them: legal address, bank details."""

from collections.abc import Collection, Mapping
from functools import partial
from typing import NamedTuple

import msgspec

from transforms.core.golden_records import GoldenCompany
from transforms.core.records import COMPANY
from transforms.crm.api import mapping
from transforms.crm.api.outcomes import (
    Fields,
    Outcomes,
    RefusedWrite,
    is_gone,
    is_there_already,
    refused_write,
)
from transforms.crm.api.portal import Portal
from transforms.crm.api.write_sink import WriteKey
from transforms.crm.errors import Refused
from transforms.crm.loading.creates import Find, IdempotentCreates
from transforms.crm.loading.existing_parts import find_bank_details, find_requisites
from transforms.crm.loading.journal import Journal
from transforms.crm.loading.three_way_diff import changed_fields
from transforms.ledger.loads.sent import Key, Sent

REQUISITE, ADDRESS, BANK = "requisite:", "address:", "bank:"
# Marks a part that a person has deleted: it is left alone from then on.
DELETED_MARK = "deleted"


class RequisiteOwner(msgspec.Struct):
    """A company whose item is in the CRM, and what was sent of its parts.

    ``is_new``: the item was created just now, so none of its parts can exist.
    """

    company: GoldenCompany
    crm_id: int
    sent: Mapping[str, Sent]
    is_new: bool


class _Methods(NamedTuple):
    add: str
    update: str
    find: Find


class RequisiteWriter:
    """Writes companies' requisites, legal addresses and bank details to the CRM.

    Afterwards ``rejected`` holds for each company (by TIN) the refused write of one of its parts,
    and ``complete`` the companies all of whose parts are in the CRM.
    """

    def __init__(
        self,
        journal: Journal,
        portal: Portal,
        creates: IdempotentCreates,
        owners: Mapping[str, RequisiteOwner],
    ) -> None:
        self._journal, self._portal = journal, portal
        self._creates, self._owners = creates, owners
        self._sent = {
            (tin, part): sent for tin, owner in owners.items() for part, sent in owner.sent.items()
        }
        self._unsettled: set[str] = set()
        self.rejected: dict[str, RefusedWrite] = {}

    @property
    def complete(self) -> set[str]:
        """Companies all of whose parts are in the CRM."""
        return self._owners.keys() - self._unsettled - self.rejected.keys()

    def write(self) -> None:
        """Write requisites first: addresses and bank details belong to them."""
        first_requisites = self._write_requisites()
        self._write_addresses(first_requisites)
        self._write_bank_details(first_requisites)

    def _write_requisites(self) -> dict[str, Key]:
        """Write the requisites; return each company's first one, where it is in the CRM."""
        requisites: dict[Key, Fields] = {}
        keys_by_tin: dict[str, list[Key]] = {}
        for tin, owner in self._owners.items():
            link = {"ENTITY_TYPE_ID": mapping.COMPANY_TYPE, "ENTITY_ID": owner.crm_id}
            for xml_id, fields in mapping.requisites(owner.company, self._portal.presets).items():
                key = tin, REQUISITE + xml_id
                keys_by_tin.setdefault(tin, []).append(key)
                requisites[key] = link | {"XML_ID": xml_id} | fields
        methods = _Methods(
            "crm.requisite.add", "crm.requisite.update", partial(find_requisites, self._portal)
        )
        self._create_and_update(requisites, methods)
        first_keys = {
            tin: next((key for key in keys if not self._is_deleted(key)), None)
            for tin, keys in keys_by_tin.items()
        }
        return {tin: key for tin, key in first_keys.items() if key and key in self._sent}

    def _is_deleted(self, key: Key) -> bool:
        return key in self._sent and DELETED_MARK in self._sent[key].fields

    def _write_bank_details(self, first_requisites: Mapping[str, Key]) -> None:
        details: dict[Key, Fields] = {}
        for tin, requisite in first_requisites.items():
            for xml_id, fields in mapping.bank_details(self._owners[tin].company).items():
                key = tin, BANK + xml_id
                # With a new KPP the first requisite changes; an account stays where it is.
                owner = self._sent[key].fields["ENTITY_ID"] if key in self._sent else None
                link = {"ENTITY_ID": owner or self._sent[requisite].crm_id}
                details[key] = link | {"XML_ID": xml_id} | fields
        methods = _Methods(
            "crm.requisite.bankdetail.add",
            "crm.requisite.bankdetail.update",
            partial(find_bank_details, self._portal),
        )
        self._create_and_update(details, methods)

    def _write_addresses(self, first_requisites: Mapping[str, Key]) -> None:
        """Write the legal addresses. A requisite has one at most, so a repeated add is harmless.

        An address that exists although we have never sent it is a person's, and stays as it is.
        """
        addresses = self._addresses(first_requisites)
        new = {key: fields for key, fields in addresses.items() if key not in self._sent}
        sent_before = self._journal.intents(COMPANY, sorted({tin for tin, _ in new})).keys()
        self._journal.intend_updates(COMPANY, new)
        added = self._send("crm.address.add", new)
        existing = {key for key, error in added.refused.items() if is_there_already(error)}
        added.done |= dict.fromkeys(existing - sent_before)
        self._settle(added, new, new, repeatable=existing)
        changed = {key: new[key] for key in existing & sent_before}
        changed |= {
            key: mapping.address_key(addresses[key]["ENTITY_ID"]) | fields
            for key, fields in self._changed(addresses).items()
        }
        self._settle(self._send("crm.address.update", changed), changed, addresses)

    def _addresses(self, first_requisites: Mapping[str, Key]) -> dict[Key, Fields]:
        addresses: dict[Key, Fields] = {}
        for tin, requisite in first_requisites.items():
            fields = mapping.address(self._owners[tin].company)
            if fields:
                key = tin, ADDRESS + requisite[1].removeprefix(REQUISITE)
                addresses[key] = mapping.address_key(self._sent[requisite].crm_id) | fields
        return addresses

    def _create_and_update(self, parts: Mapping[Key, Fields], methods: _Methods) -> None:
        """Create the parts that are missing and update those that differ from what was sent."""
        for is_new in (True, False):
            self._create(parts, methods, is_new)
        changed = self._changed(parts)
        calls = {
            key: {"id": self._sent[key].crm_id, "fields": fields} for key, fields in changed.items()
        }
        self._settle(self._portal.sink.write_each(methods.update, calls), changed, parts)

    def _create(self, parts: Mapping[Key, Fields], methods: _Methods, is_new: bool) -> None:
        """Create the missing parts of new companies, or of those that have been in the CRM."""
        missing = {
            key: fields
            for key, fields in parts.items()
            if key not in self._sent and self._owners[key[0]].is_new is is_new
        }
        outcomes = self._creates.ensure(
            missing,
            None if is_new else methods.find,
            lambda parts: self._send(methods.add, parts).ids(),
            partial(self._portal.sink.batch_size, methods.add),
        )
        self._sent |= outcomes.existing
        self._reject(outcomes.refused, missing)
        unknown = missing.keys() - outcomes.existing.keys() - outcomes.refused.keys()
        self._unsettled |= {tin for tin, _ in unknown}

    def _changed(self, parts: Mapping[Key, Fields]) -> dict[Key, Fields]:
        """The changed fields of each part that differs from what was sent, and still exists."""
        changes = {
            key: changed_fields(self._sent[key].fields, fields)
            for key, fields in parts.items()
            if key in self._sent and not self._is_deleted(key)
        }
        return {key: fields for key, fields in changes.items() if fields}

    def _send(self, method: str, parts: Mapping[Key, Fields]) -> Outcomes[WriteKey]:
        calls = {key: {"fields": fields} for key, fields in parts.items()}
        return self._portal.sink.write_each(method, calls)

    def _settle(
        self,
        outcomes: Outcomes[WriteKey],
        sent: Mapping[Key, Fields],
        desired: Mapping[Key, Fields],
        repeatable: Collection[Key] = (),
    ) -> None:
        """Note the outcomes of writes that may be sent again.

        A refused part is rejected unless it is ``repeatable``, or a person has deleted it: then it
        is left alone from now on.
        """
        deleted = {
            key for key, error in outcomes.refused.items() if key in self._sent and is_gone(error)
        }
        tolerated = deleted.union(repeatable)
        self._reject({k: e for k, e in outcomes.refused.items() if k not in tolerated}, sent)
        self._postpone({tin for tin, _ in sent.keys() - outcomes.answered()})
        settled = {
            key: Sent(
                # An address has no id: it is known by its requisite's.
                self._sent[key].crm_id if key in self._sent else desired[key]["ENTITY_ID"],
                desired[key] | ({DELETED_MARK: True} if key in deleted else {}),
            )
            for key in outcomes.done.keys() | deleted
        }
        self._sent |= settled
        answered = outcomes.refused.keys() - set(repeatable)
        touched = sorted({tin for tin, _ in settled})
        self._journal.note_updated(COMPANY, settled, answered, touched)

    def _postpone(self, tins: set[str]) -> None:
        """Leave companies with writes of unknown outcome for another pass."""
        if tins:
            self._unsettled |= tins
            self._creates.retry_when_settled()

    def _reject(self, refused: Mapping[Key, Refused], sent: Mapping[Key, Fields]) -> None:
        for key, error in refused.items():
            self.rejected.setdefault(key[0], refused_write(error, sent[key]))
