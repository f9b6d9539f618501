"""A company's parts in the CRM: requisites, the legal address, bank details."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy.engine import Connection

from transforms.crm import mapping
from transforms.crm.changes import changed_fields
from transforms.crm.creates import Creates, Find
from transforms.crm.errors import Refused
from transforms.crm.outcomes import Fields, Outcomes, Rejection
from transforms.crm.portal import BATCH, Portal
from transforms.ledger import loads
from transforms.ledger.database import Ledger
from transforms.ledger.sent import Key, Sent, save_sent
from transforms.ledger.source_rows import Run
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


class _Methods(NamedTuple):
    add: str
    update: str
    find: Find


class CompanyParts:
    """Brings the parts of companies to the CRM.

    Afterwards ``rejected`` says of each company (by TIN) why one of its parts is not taken, and
    ``done`` which companies have all of them.
    """

    def __init__(
        self,
        ledger: Ledger,
        run: Run,
        portal: Portal,
        creates: Creates,
        holders: Mapping[str, Holder],
    ) -> None:
        self._ledger, self._run, self._portal = ledger, run, portal
        self._creates, self._holders = creates, holders
        self._sent = {
            (tin, part): sent
            for tin, holder in holders.items()
            for part, sent in holder.sent.items()
        }
        self._open: set[str] = set()
        self.rejected: dict[str, Rejection] = {}

    @property
    def done(self) -> set[str]:
        """Companies all whose parts are there."""
        return self._holders.keys() - self._open - self.rejected.keys()

    def load(self) -> None:
        """Requisites first: addresses and bank details hang on them."""
        firsts = self._requisites()
        self._addresses(firsts)
        self._bank_details(firsts)

    def _requisites(self) -> dict[str, Key]:
        """Brings them; gives the company's first one, where it is there."""
        wanted: dict[Key, Fields] = {}
        firsts: dict[str, Key] = {}
        for tin, holder in self._holders.items():
            owner = {"ENTITY_TYPE_ID": mapping.COMPANY_TYPE, "ENTITY_ID": holder.crm_id}
            for xml_id, fields in mapping.requisites(holder.company, self._portal.presets).items():
                key = tin, REQUISITE + xml_id
                firsts.setdefault(tin, key)
                wanted[key] = owner | {"XML_ID": xml_id} | fields
        methods = _Methods("crm.requisite.add", "crm.requisite.update", self._find_requisites)
        self._bring(wanted, methods)
        return {tin: key for tin, key in firsts.items() if key in self._sent}

    def _bank_details(self, firsts: Mapping[str, Key]) -> None:
        wanted: dict[Key, Fields] = {}
        for tin, first in firsts.items():
            for xml_id, fields in mapping.bank_details(self._holders[tin].company).items():
                key = tin, BANK + xml_id
                # With a new KPP the first requisite changes; an account stays where it is.
                at = self._sent[key].fields["ENTITY_ID"] if key in self._sent else None
                owner = {"ENTITY_ID": at or self._sent[first].crm_id}
                wanted[key] = owner | {"XML_ID": xml_id} | fields
        methods = _Methods(
            "crm.requisite.bankdetail.add",
            "crm.requisite.bankdetail.update",
            self._find_bank_details,
        )
        self._bring(wanted, methods)

    def _addresses(self, firsts: Mapping[str, Key]) -> None:
        """One address of a type is allowed, so sending one again cannot double it."""
        wanted: dict[Key, Fields] = {}
        for tin, first in firsts.items():
            fields = mapping.address(self._holders[tin].company)
            if fields:
                owner = self._sent[first].crm_id
                key = tin, ADDRESS + first[1].removeprefix(REQUISITE)
                wanted[key] = mapping.address_key(owner) | fields
        new = {key: fields for key, fields in wanted.items() if key not in self._sent}
        added = self._each("crm.address.add", new)
        exists = {
            key for key, error in added.refused.items() if _ADDRESS_EXISTS in error.description
        }
        self._settle(added, new, new, but=exists)
        changed = {key: new[key] for key in exists}
        for key in wanted.keys() - new.keys():
            if fields := changed_fields(self._sent[key].fields, wanted[key]):
                changed[key] = mapping.address_key(wanted[key]["ENTITY_ID"]) | fields
        self._settle(self._each("crm.address.update", changed), changed, wanted)

    def _bring(self, wanted: Mapping[Key, Fields], methods: _Methods) -> None:
        """Create the parts that are missing and update those that differ from what was sent."""
        for fresh in (True, False):
            missing = {
                key: fields
                for key, fields in wanted.items()
                if key not in self._sent and self._holders[key[0]].fresh is fresh
            }
            ensured = self._creates.ensure(
                missing,
                None if fresh else methods.find,
                lambda part: self._each(methods.add, part).ids(),
                BATCH,
            )
            self._sent |= ensured.there
            self._reject(ensured.refused, missing)
            self._open |= {
                tin for tin, _ in missing.keys() - ensured.there.keys() - ensured.refused.keys()
            }
        changed = {
            key: fields
            for key in wanted.keys() & self._sent.keys()
            if (fields := changed_fields(self._sent[key].fields, wanted[key]))
        }
        calls = {
            key: {"id": self._sent[key].crm_id, "fields": fields} for key, fields in changed.items()
        }
        self._settle(self._portal.each(methods.update, calls), changed, wanted)

    def _each(self, method: str, parts: Mapping[Key, Fields]) -> Outcomes[Key]:
        return self._portal.each(method, {key: {"fields": parts[key]} for key in parts})

    def _settle(
        self,
        outcomes: Outcomes[Key],
        sent: Mapping[Key, Fields],
        wanted: Mapping[Key, Fields],
        but: Iterable[Key] = (),
    ) -> None:
        """Enter what came of writes that may be sent again; ``but`` is not refused for good."""
        again = set(but)
        self._reject({k: e for k, e in outcomes.refused.items() if k not in again}, sent)
        unknown = {tin for tin, _ in sent.keys() - outcomes.known()}
        if unknown:
            self._open |= unknown
            self._creates.try_again()
        done = {
            # An address has no id: it is its requisite's.
            key: Sent(
                self._sent[key].crm_id if key in self._sent else wanted[key]["ENTITY_ID"],
                dict(wanted[key]),
            )
            for key in outcomes.done
        }

        def save(connection: Connection) -> None:
            save_sent(connection, COMPANY, done)
            loads.touch(connection, self._run, COMPANY, sorted({tin for tin, _ in done}))

        self._ledger.transact(save)

    def _reject(self, refused: Mapping[Key, Refused], sent: Mapping[Key, Fields]) -> None:
        for key, error in refused.items():
            self.rejected.setdefault(key[0], Rejection(error, sent[key]))

    def _find_requisites(self, wanted: Mapping[Key, Fields]) -> dict[Key, Sent]:
        tins = sorted({tin for tin, _ in wanted})
        return _match(wanted, self._portal.list_parts("crm.requisite.list", "RQ_INN", tins))

    def _find_bank_details(self, wanted: Mapping[Key, Fields]) -> dict[Key, Sent]:
        ids = sorted({fields["ENTITY_ID"] for fields in wanted.values()})
        return _match(
            wanted, self._portal.list_parts("crm.requisite.bankdetail.list", "ENTITY_ID", ids)
        )


def _match(wanted: Mapping[Key, Fields], there: Sequence[Fields]) -> dict[Key, Sent]:
    """Parts by their owner and ``XML_ID``, of two the older.

    Nobody knows what was sent: what stands there is taken for somebody's wish.
    """
    held = {(str(part.get("ENTITY_ID")), str(part.get("XML_ID"))): part for part in reversed(there)}
    found: dict[Key, Sent] = {}
    for key, fields in wanted.items():
        part = held.get((str(fields["ENTITY_ID"]), fields["XML_ID"]))
        if part is not None:
            filled = {name: value for name, value in fields.items() if part.get(name)}
            found[key] = Sent(int(part["ID"]), filled)
    return found
