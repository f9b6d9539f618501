"""The command lines that ``run_local.sh`` runs, ``speed`` times as fast as the real limits."""

import sys
from pathlib import Path
from typing import Final

# The limits of the real services.
_CRM_RATE, _CRM_OPERATING, _REGISTER_RATE, _REGISTER_DAILY = 2, 480, 30, 10_000

_SVOD: Final = str(Path(sys.executable).with_name("svod"))


def register(folder: Path, speed: float) -> list[str]:
    """Returns the register's arguments."""
    return [
        f"--data={folder / 'register.jsonl'}",
        f"--rate={_REGISTER_RATE * speed:.0f}",
        f"--daily={_REGISTER_DAILY * speed:.0f}",
    ]


def bitrix24(folder: Path, speed: float) -> list[str]:
    """Returns the portal's arguments."""
    return [
        f"--state={folder / 'portal.json'}",
        f"--rate={_CRM_RATE * speed}",
        f"--operating={_CRM_OPERATING * speed}",
    ]


def full(speed: float) -> list[str]:
    """Returns the command of a full load of both stores."""
    return [_SVOD, "full", "--store_b_files=store_b/*.json", "--report=report", *_limits(speed)]


def two_stores() -> list[str]:
    """Returns the command that prints the configuration of the stores A and B."""
    return [_SVOD, "init", "--two_stores"]


def following(speed: float, brokers: str) -> list[str]:
    """Returns the command that follows the changes of both stores."""
    options = "--follow", "--poll=5", f"--store_b_kafka={brokers}"
    return [_SVOD, "delta", *options, *_limits(speed)]


def _limits(speed: float) -> list[str]:
    return [
        f"--crm_rate={_CRM_RATE * speed:g}",
        f"--crm_operating={_CRM_OPERATING * speed:g}",
        # A local request ends before its answer arrives.
        "--crm_settle=1",
        f"--register_rate={_REGISTER_RATE * speed:g}",
        f"--register_daily={_REGISTER_DAILY * speed:.0f}",
    ]
