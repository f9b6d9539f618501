"""``python -m sandbox.bitrix24``: serves a portal until SIGINT or SIGTERM."""

import argparse
import signal
from pathlib import Path

from sandbox.bitrix24.portal import Bitrix24


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.bitrix24", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--code", default="secretcode", help="the webhook's secret part")
    parser.add_argument("--speed", type=float, default=1.0, help="how fast its clock runs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=2.0, help="requests a second")
    parser.add_argument("--burst", type=float, default=50.0, help="requests at once")
    parser.add_argument("--operating", type=float, default=480.0, help="seconds per method")
    parser.add_argument("--billing", choices=("commands", "batch"), default="commands")
    parser.add_argument("--no_limits", dest="limits", action="store_false")
    parser.add_argument("--sleep", action="store_true", help="let calls really take their time")
    parser.add_argument("--state", dest="state_file", type=Path, help="JSON kept between runs")
    return parser.parse_args()


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Prints the webhook's URL and serves until SIGINT or SIGTERM."""
    options = vars(_options())
    signal.signal(signal.SIGTERM, _stop)
    with Bitrix24(**options) as portal:
        print(portal.webhook, flush=True)
        print(f"Look inside: {portal.url}/", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print("Stopped.", flush=True)


if __name__ == "__main__":
    main()
