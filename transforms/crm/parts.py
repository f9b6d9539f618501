"""A company's parts in the CRM: requisites, the legal address, bank details."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from transforms.crm import mapping
from transforms.crm.creates import Creates, Ensured, Fields
from transforms.crm.errors import Refused
from transforms.crm.portal import BATCH, Portal
from transforms.ledger import loads
from transforms.ledger.database import Ledger
from transforms.ledger.loads import Key, Sent
from transforms.ledger.source_rows import now
from transforms.matching.golden import GoldenCompany
from transforms.records import COMPANY

REQUISITE, ADDRESS, BANK = "requisite:", "address:", "bank:"
_ADDRESS_EXISTS = "TypeAddress exists"


class Holder(msgspec.Struct):
    """A company whose item is in the CRM, and what is known of its parts there."""

    company: GoldenCompany
    crm_id: int
    sent: Mapping[str, Sent]
    # The item was created just now: nothing of its parts can be there.
    fresh: bool


class CompanyParts:
    """Brings the parts of companies to the CRM; says of each company why it was refused."""

    def __init__(self, ledger: Ledger, portal: Portal, creates: Creates) -> None:
        self._ledger, self._portal, self._creates = ledger, portal, creates

    def load(self, holders: Mapping[str, Holder]) -> tuple[set[str], dict[str, Refused]]:
        """Companies (by TIN) all whose parts are there, and those of which one was refused."""
        self._open: set[str] = set()
        self._refused: dict[str, Refused] = {}
        requisites = self._requisites(holders)
        self._addresses(holders, requisites)
        self._bank_details(holders, requisites)
        done = holders.keys() - self._open - self._refused.keys()
        return done, self._refused

    def _requisites(self, holders: Mapping[str, Holder]) -> dict[str, int]:
        wanted = {
            (tin, REQUISITE + xml_id): {
                "ENTITY_TYPE_ID": mapping.COMPANY_TYPE,
                "ENTITY_ID": holder.crm_id,
                "XML_ID": xml_id,
                **fields,
            }
            for tin, holder in holders.items()
            for xml_id, fields in mapping.requisites(holder.company, self._portal.presets).items()
        }
        self._bring(
            holders, wanted, self._find_requisites, "crm.requisite.add", "crm.requisite.update"
        )
        return {
            tin: self._sent[tin, REQUISITE + next(iter(names))].crm_id
            for tin, holder in holders.items()
            if (names := mapping.requisites(holder.company, self._portal.presets))
            and (tin, REQUISITE + next(iter(names))) in self._sent
        }

    def _bank_details(self, holders: Mapping[str, Holder], requisites: Mapping[str, int]) -> None:
        wanted = {
            (tin, BANK + xml_id): {"ENTITY_ID": requisites[tin], "XML_ID": xml_id, **fields}
            for tin, holder in holders.items()
            if tin in requisites
            for xml_id, fields in mapping.bank_details(holder.company).items()
        }
        self._bring(
            holders,
            wanted,
            self._find_bank_details,
            "crm.requisite.bankdetail.add",
            "crm.requisite.bankdetail.update",
        )

    def _addresses(self, holders: Mapping[str, Holder], requisites: Mapping[str, int]) -> None:
        wanted: dict[Key, Fields] = {}
        for tin, requisite_id in requisites.items():
            fields = mapping.address(holders[tin].company)
            sent = holders[tin].sent.get(ADDRESS)
            if fields and (sent is None or sent.fields != fields):
                wanted[tin, ADDRESS] = {
                    "TYPE_ID": mapping.LEGAL_ADDRESS,
                    "ENTITY_TYPE_ID": mapping.REQUISITE_TYPE,
                    "ENTITY_ID": requisite_id,
                    **fields,
                }
        known = {key for key in wanted if ADDRESS in holders[key[0]].sent}
        self._write_addresses({key: wanted[key] for key in wanted if key not in known}, "add")
        self._write_addresses({key: wanted[key] for key in known}, "update")

    def _write_addresses(self, wanted: Mapping[Key, Fields], verb: str) -> None:
        """One address a type is allowed, so sending one again cannot double it."""
        outcomes = self._portal.each(
            f"crm.address.{verb}", {key: {"fields": fields} for key, fields in wanted.items()}
        )
        exists = {
            key
            for key, error in outcomes.refused.items()
            if verb == "add" and _ADDRESS_EXISTS in error.description
        }
        self._refuse({key: e for key, e in outcomes.refused.items() if key not in exists})
        self._leave_open(wanted.keys() - outcomes.known())
        done = {
            key: Sent(wanted[key]["ENTITY_ID"], _without_keys(wanted[key])) for key in outcomes.done
        }
        self._ledger.transact(lambda connection: loads.save_sent(connection, COMPANY, done))
        if exists:
            self._write_addresses({key: wanted[key] for key in exists}, "update")

    def _bring(
        self,
        holders: Mapping[str, Holder],
        wanted: Mapping[Key, Fields],
        find: Any,
        add: str,
        update: str,
    ) -> None:
        """Create the parts that are missing and update those that differ from what was sent."""
        self._sent = {
            (tin, part): sent
            for tin, holder in holders.items()
            for part, sent in holder.sent.items()
        }
        missing = {key: fields for key, fields in wanted.items() if key not in self._sent}
        for fresh in (True, False):
            some = {k: fields for k, fields in missing.items() if holders[k[0]].fresh is fresh}
            ensured = self._creates.ensure(
                some,
                None if fresh else find,
                lambda part: self._portal.each(
                    add, {key: {"fields": fields} for key, fields in part.items()}
                ).ids(),
                BATCH,
            )
            self._note(some, ensured)
        self._update(wanted, update)

    def _note(self, wanted: Mapping[Key, Fields], ensured: Ensured) -> None:
        self._sent.update(ensured.there)
        self._refuse(ensured.refused)
        self._leave_open(wanted.keys() - ensured.there.keys() - ensured.refused.keys())

    def _leave_open(self, unknown: Iterable[Key]) -> None:
        for tin, _ in unknown:
            self._open.add(tin)
            self._creates.try_again_at(now())

    def _refuse(self, refused: Mapping[Key, Refused]) -> None:
        for (tin, _), error in refused.items():
            self._refused.setdefault(tin, error)

    def _update(self, wanted: Mapping[Key, Fields], method: str) -> None:
        changes = {
            key: changed
            for key, fields in wanted.items()
            if key in self._sent
            and (changed := mapping.changed_fields(self._sent[key].fields, fields))
        }
        outcomes = self._portal.each(
            method,
            {
                key: {"id": self._sent[key].crm_id, "fields": fields}
                for key, fields in changes.items()
            },
        )
        self._refuse(outcomes.refused)
        self._leave_open(changes.keys() - outcomes.known())
        done = {key: Sent(self._sent[key].crm_id, wanted[key]) for key in outcomes.done}
        self._ledger.transact(lambda connection: loads.save_sent(connection, COMPANY, done))

    def _find_requisites(self, wanted: Mapping[Key, Fields]) -> dict[Key, Sent]:
        tins = sorted({tin for tin, _ in wanted})
        there = self._portal.list_parts("crm.requisite.list", "RQ_INN", tins)
        return _match(wanted, there)

    def _find_bank_details(self, wanted: Mapping[Key, Fields]) -> dict[Key, Sent]:
        ids = sorted({fields["ENTITY_ID"] for fields in wanted.values()})
        there = self._portal.list_parts("crm.requisite.bankdetail.list", "ENTITY_ID", ids)
        return _match(wanted, there)


def _match(wanted: Mapping[Key, Fields], there: Sequence[Fields]) -> dict[Key, Sent]:
    """Parts by their owner and ``XML_ID``; the portal gives values as text."""
    held = {(str(part.get("ENTITY_ID")), str(part.get("XML_ID"))): part for part in reversed(there)}
    found: dict[Key, Sent] = {}
    for key, fields in wanted.items():
        part = held.get((str(fields["ENTITY_ID"]), fields["XML_ID"]))
        if part is not None:
            same = {
                name: value for name, value in fields.items() if str(part.get(name)) == str(value)
            }
            found[key] = Sent(int(part["ID"]), same)
    return found


def _without_keys(fields: Fields) -> Fields:
    keys = ("TYPE_ID", "ENTITY_TYPE_ID", "ENTITY_ID")
    return {name: value for name, value in fields.items() if name not in keys}
