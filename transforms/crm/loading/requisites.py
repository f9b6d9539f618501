"""A company's parts in the CRM: requisites, the legal address, bank details."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import msgspec
from sqlalchemy.engine import Connection

from transforms.core.golden_records import GoldenCompany
from transforms.core.identity import Run
from transforms.core.records import COMPANY
from transforms.crm.api import mapping
from transforms.crm.api.outcomes import (
    Fields,
    Outcomes,
    Rejection,
    is_gone,
    is_there_already,
    rejection,
)
from transforms.crm.api.portal import Portal
from transforms.crm.errors import Refused
from transforms.crm.loading.creates import Creates, Find, Found
from transforms.crm.loading.three_way_diff import changed_fields
from transforms.ledger.database import Ledger
from transforms.ledger.loads import load_queue
from transforms.ledger.loads.sent import Key, Sent, clear_intents, intents, save_intents, save_sent

REQUISITE, ADDRESS, BANK = "requisite:", "address:", "bank:"
# Marks a part that a person has deleted: it is left alone from then on.
GONE = "deleted"


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
        of_company: dict[str, list[Key]] = {}
        for tin, holder in self._holders.items():
            owner = {"ENTITY_TYPE_ID": mapping.COMPANY_TYPE, "ENTITY_ID": holder.crm_id}
            for xml_id, fields in mapping.requisites(holder.company, self._portal.presets).items():
                key = tin, REQUISITE + xml_id
                of_company.setdefault(tin, []).append(key)
                wanted[key] = owner | {"XML_ID": xml_id} | fields
        methods = _Methods(
            "crm.requisite.add", "crm.requisite.update", partial(find_requisites, self._portal)
        )
        self._bring(wanted, methods)
        firsts = {
            tin: next((key for key in keys if not self._is_gone(key)), None)
            for tin, keys in of_company.items()
        }
        return {tin: key for tin, key in firsts.items() if key in self._sent and key}

    def _is_gone(self, key: Key) -> bool:
        return key in self._sent and GONE in self._sent[key].fields

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
            partial(find_bank_details, self._portal),
        )
        self._bring(wanted, methods)

    def _addresses(self, firsts: Mapping[str, Key]) -> None:
        """One address of a type is allowed, so sending one again cannot double it.

        One that is there although we have never sent it is somebody's, and stays as it is.
        """
        wanted: dict[Key, Fields] = {}
        for tin, first in firsts.items():
            fields = mapping.address(self._holders[tin].company)
            if fields:
                owner = self._sent[first].crm_id
                key = tin, ADDRESS + first[1].removeprefix(REQUISITE)
                wanted[key] = mapping.address_key(owner) | fields
        new = {key: fields for key, fields in wanted.items() if key not in self._sent}
        with self._ledger.read() as connection:
            ours = intents(connection, COMPANY, sorted({tin for tin, _ in new}))
        self._ledger.transact(partial(save_intents, kind=COMPANY, parts=new))
        added = self._each("crm.address.add", new)
        exists = {key for key, error in added.refused.items() if is_there_already(error)}
        added.done |= dict.fromkeys(exists - ours.keys())
        self._settle(added, new, new, but=exists)
        changed = {key: new[key] for key in exists & ours.keys()}
        for key in wanted.keys() - new.keys():
            if not self._is_gone(key) and (
                fields := changed_fields(self._sent[key].fields, wanted[key])
            ):
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
                partial(self._portal.sizes.commands, methods.add),
            )
            self._sent |= ensured.there
            self._reject(ensured.refused, missing)
            self._open |= {
                tin for tin, _ in missing.keys() - ensured.there.keys() - ensured.refused.keys()
            }
        changed = {
            key: fields
            for key in wanted.keys() & self._sent.keys()
            if not self._is_gone(key)
            and (fields := changed_fields(self._sent[key].fields, wanted[key]))
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
        """Enter what came of writes that may be sent again; ``but`` is not refused for good.

        A part that a person has deleted stays so.
        """
        gone = {
            key for key, error in outcomes.refused.items() if key in self._sent and is_gone(error)
        }
        again = set(but) | gone
        self._reject({k: e for k, e in outcomes.refused.items() if k not in again}, sent)
        unknown = {tin for tin, _ in sent.keys() - outcomes.known()}
        if unknown:
            self._open |= unknown
            self._creates.try_again()
        done = {
            # An address has no id: it is its requisite's.
            key: Sent(
                self._sent[key].crm_id if key in self._sent else wanted[key]["ENTITY_ID"],
                wanted[key] | ({GONE: True} if key in gone else {}),
            )
            for key in outcomes.done.keys() | gone
        }
        self._sent |= done

        def save(connection: Connection) -> None:
            save_sent(connection, COMPANY, done)
            clear_intents(connection, COMPANY, outcomes.refused.keys() - set(but))
            load_queue.mark_updated(
                connection, self._run, COMPANY, sorted({tin for tin, _ in done})
            )

        self._ledger.transact(save)

    def _reject(self, refused: Mapping[Key, Refused], sent: Mapping[Key, Fields]) -> None:
        for key, error in refused.items():
            self.rejected.setdefault(key[0], rejection(error, sent[key]))


def find_requisites(portal: Portal, wanted: Mapping[Key, Fields]) -> dict[Key, Found]:
    """Those of the requisites that are in the CRM."""
    tins = sorted({tin for tin, _ in wanted})
    there = portal.list_parts("crm.requisite.list", "RQ_INN", tins)
    return _match(wanted, [part for part in there if is_of_company(part)], ("RQ_INN", "RQ_KPP"))


def find_bank_details(portal: Portal, wanted: Mapping[Key, Fields]) -> dict[Key, Found]:
    """Those of the bank details that are in the CRM."""
    ids = sorted({fields["ENTITY_ID"] for fields in wanted.values()})
    there = portal.list_parts("crm.requisite.bankdetail.list", "ENTITY_ID", ids)
    return _match(wanted, there, ("RQ_ACC_NUM", "RQ_BIK"))


def is_of_company(requisite: Fields) -> bool:
    """Whether the requisite hangs on a company (contacts have them too, under the same ids)."""
    return str(requisite.get("ENTITY_TYPE_ID")) == str(mapping.COMPANY_TYPE)


def _match(
    wanted: Mapping[Key, Fields], there: Sequence[Fields], same: tuple[str, str]
) -> dict[Key, Found]:
    """Parts by their owner and ``XML_ID``, or else those that people made, by the fields ``same``.

    The second of these may be empty there: then it is filled. Of two the older one. Nobody knows
    what was sent: what stands there is taken for somebody's wish.
    """
    theirs = [
        part for part in there if not str(part.get("XML_ID") or "").startswith(mapping.ORIGINATOR)
    ]
    found: dict[Key, Found] = {}
    for parts, names, blank in (
        (there, ("XML_ID",), ""),
        (theirs, same, ""),
        (theirs, same[:1], same[1]),
    ):
        held: dict[tuple[str, ...], list[Fields]] = {}
        for part in reversed(parts):
            if not part.get(blank):
                held.setdefault(_told(part, names), []).append(part)
        taken = {found_part.sent.crm_id for found_part in found.values()}
        for key in [key for key in wanted if key not in found]:
            candidates = held.get(_told(wanted[key], names), [])
            while candidates and key not in found:
                part = candidates.pop()
                if int(part["ID"]) not in taken:
                    filled = {n: value for n, value in wanted[key].items() if part.get(n)}
                    found[key] = Found(Sent(int(part["ID"]), filled), parts is there, part)
    return found


def _told(part: Fields, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(part.get(name) or "") for name in ("ENTITY_ID", *names))
