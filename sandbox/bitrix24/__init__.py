"""A strict local Bitrix24: the portal of the contract with all its limits and traps.

``with Bitrix24() as portal:`` serves it at ``portal.webhook``, and ``python -m sandbox.bitrix24``
from a process. ``web`` is its HTTP side, ``methods`` the REST methods by family, ``tables`` its
records; the other modules belong to the whole portal.
"""

from sandbox.bitrix24.faults import Fault
from sandbox.bitrix24.portal import Bitrix24
from sandbox.bitrix24.web.gateway import Call

__all__ = ["Bitrix24", "Call", "Fault"]
