"""TLS and SASL for a private Kafka broker: a new certificate, one user, rights by ACL."""

import secrets
import subprocess
from pathlib import Path
from typing import Final

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from sandbox.servers.services import free_port

USER: Final = "svod"
PASSWORD: Final = "pa$$word-of-the-topic"
_JAAS: Final = "listener.name.sasl_ssl"


class Secured:
    """The broker's listener with TLS and SASL; its certificate lies in the broker's ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.certificate = folder / "ca.pem"
        self._store = folder / "broker.p12"

    @property
    def brokers(self) -> str:
        """The address for clients."""
        return f"127.0.0.1:{self.port}"

    def properties(self, mechanism: str = "SCRAM-SHA-512", password: str = PASSWORD) -> str:
        """Returns a client's librdkafka properties file."""
        return (
            "# The way to the broker\nsecurity.protocol=SASL_SSL\n"
            f"ssl.ca.location={self.certificate}\nsasl.mechanism={mechanism}\n"
            f"sasl.username={USER}\nsasl.password={password}\n"
        )

    def settings(self) -> str:
        """Makes the certificate and returns the broker's settings for it."""
        key = secrets.token_hex(16)
        store = ["-keystore", str(self._store), "-storepass", key, "-alias", "broker"]
        names = ["-dname", "CN=127.0.0.1", "-ext", "SAN=ip:127.0.0.1,dns:localhost"]
        _keytool("-genkeypair", "-keyalg", "RSA", "-storetype", "PKCS12", *store, *names)
        _keytool("-exportcert", "-rfc", "-file", str(self.certificate), *store)
        plain = "org.apache.kafka.common.security.plain.PlainLoginModule required"
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required"
        return (
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n"
            "super.users=User:ANONYMOUS\n"
            f"ssl.keystore.location={self._store}\nssl.keystore.password={key}\n"
            "ssl.keystore.type=PKCS12\n"
            f"{_JAAS}.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512\n"
            f'{_JAAS}.plain.sasl.jaas.config={plain} user_{USER}="{PASSWORD}";\n'
            f"{_JAAS}.scram-sha-512.sasl.jaas.config={scram};\n"
        )


def grant(admin: AdminClient, topic: str, group: str, right: str = "READ") -> None:
    """Grants the user ``right`` on the topic, and READ on the group."""
    rights = {
        ResourceType.TOPIC: (topic, AclOperation[right]),
        ResourceType.GROUP: (group, AclOperation.READ),
    }
    bindings = [
        AclBinding(
            kind,
            name,
            ResourcePatternType.LITERAL,
            f"User:{USER}",
            "*",
            operation,
            AclPermissionType.ALLOW,
        )
        for kind, (name, operation) in rights.items()
    ]
    for creation in admin.create_acls(bindings).values():
        creation.result(30)


def _keytool(*arguments: str) -> None:
    subprocess.run(["keytool", *arguments], check=True, capture_output=True)
