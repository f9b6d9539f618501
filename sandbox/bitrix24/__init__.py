"""A strict local Bitrix24: the portal of the contract with all its limits and traps.

``with Bitrix24() as portal:`` serves it at ``portal.webhook``; ``python -m sandbox.bitrix24`` does
so alone.
"""

from sandbox.bitrix24.faults import Fault
from sandbox.bitrix24.portal import Bitrix24
from sandbox.bitrix24.web.gateway import Call

__all__ = ["Bitrix24", "Call", "Fault"]
