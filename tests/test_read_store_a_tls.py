"""Store A with TLS, as it is in production: a real server with a certificate of its own."""

import subprocess
from contextlib import closing
from urllib.parse import quote

import pytest

from sandbox import store_a
from sandbox.servers.mariadb import MariaDB
from transforms.configuration.builtin import built_in_configuration
from transforms.core.errors import AwayError, ConfigurationError
from transforms.stores.sql.check import check_store
from transforms.stores.sql.store import store_client

HOST = "db.example"
BUILT_IN = built_in_configuration().store["A"]


def check_store_a(url):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SVOD_STORE_A", url)
        check_store("A", BUILT_IN)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """A folder with a server's certificate, the authority that signed it, and another one."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new = "req", "-newkey", "rsa:2048", "-nodes"
    for name in ("ca", "other"):
        files = "-keyout", f"{name}.key", "-out", f"{name}.pem"
        openssl(*new, "-x509", *files, "-subj", f"/CN={name}")
    openssl(*new, "-keyout", "server.key", "-out", "server.csr", "-subj", f"/CN={HOST}")
    signer = "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"
    openssl("x509", "-req", "-in", "server.csr", *signer, "-out", "server.pem")
    return folder


@pytest.fixture(scope="module")
def shop(certificates, tmp_path_factory):
    """The URL of a shop whose reader may come by TLS only."""
    own = f"--ssl-cert={certificates}/server.pem", f"--ssl-key={certificates}/server.key"
    with MariaDB(tmp_path_factory.mktemp("store-a"), *own) as server:
        with closing(store_a.connect(server)) as root:
            store_a.create_shop(root)
            root.cursor().execute(f"ALTER USER {store_a.READER}@'%' REQUIRE SSL")
        yield server.url(store_a.DATABASE, store_a.READER, store_a.PASSWORD)


def test_it_is_read_by_tls(shop, certificates, monkeypatch):
    url = f"{shop}?ssl_ca={quote(str(certificates))}/ca.pem"
    check_store_a(url)
    monkeypatch.setenv("SVOD_STORE_A", url)
    with store_client("A", BUILT_IN).session() as session:
        [row] = session.rows("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    assert row["Value"]


def test_a_certificate_of_another_authority_is_refused(shop, certificates):
    with pytest.raises(ConfigurationError, match=r"^--store_a: no secure connection to ") as caught:
        check_store_a(f"{shop}?ssl_ca={quote(str(certificates))}/other.pem")
    # Waiting would not help.
    assert not isinstance(caught.value, AwayError)


def test_another_host_is_refused(shop, certificates):
    url = f"{shop}?ssl_ca={quote(str(certificates))}/ca.pem&ssl_verify_identity=true"
    with pytest.raises(ConfigurationError, match=r"^--store_a: no secure connection to ") as caught:
        check_store_a(url)
    assert not isinstance(caught.value, AwayError)
