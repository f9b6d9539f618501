"""The entrypoint of a worker's container: fetches the secrets, then becomes Beam's own ``boot``.

Dataflow cannot give a worker's container environment variables, and a parameter can be read by
whoever may look at the job. So the image holds names only: ``SVOD_CRM_SECRET`` names the version in
Secret Manager whose value goes into ``SVOD_CRM``, and so on.
"""

import base64
import json
import os
import sys
from collections.abc import MutableMapping
from typing import Any
from urllib.request import Request, urlopen

VARIABLES = ("SVOD_STORE_A", "SVOD_CRM", "SVOD_REGISTER_TOKEN", "SVOD_LEDGER")
_BEAM_BOOT = "/opt/apache/beam/boot"
_ACCOUNT = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default"
_SECRETS = "https://secretmanager.googleapis.com/v1"


def fill(
    environment: MutableMapping[str, str], account_url: str = _ACCOUNT, secrets_url: str = _SECRETS
) -> None:
    """Sets each variable whose ``…_SECRET`` names a version: ``projects/P/secrets/S/versions/V``.

    Raises:
        OSError: the service account may not read it, or the service does not answer.
    """
    named = {variable: environment.get(f"{variable}_SECRET") for variable in VARIABLES}
    if not any(named.values()):
        return
    token = _get(f"{account_url}/token", {"Metadata-Flavor": "Google"})["access_token"]
    for variable, version in named.items():
        if version:
            url = f"{secrets_url}/{version}:access"
            answer = _get(url, {"Authorization": f"Bearer {token}"})
            environment[variable] = base64.b64decode(answer["payload"]["data"]).decode()


def _get(url: str, headers: dict[str, str]) -> Any:
    # Both addresses are fixed, but in tests.
    with urlopen(Request(url, headers=headers), timeout=30) as answer:  # noqa: S310
        return json.load(answer)


if __name__ == "__main__":
    fill(os.environ)
    os.execv(_BEAM_BOOT, [_BEAM_BOOT, *sys.argv[1:]])  # noqa: S606
