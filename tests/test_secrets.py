"""Secrets: found where they are needed, shown nowhere."""

import pickle

import pytest

from transforms.core.errors import SecretError
from transforms.core.secrets import Secret, mask

VALUE = "https://b24.example/rest/1/k3y/"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv("SVOD_CRM", raising=False)
    monkeypatch.delenv("SVOD_CRM_FILE", raising=False)


def test_value_comes_from_the_variable(monkeypatch, tmp_path):
    (tmp_path / "crm").write_text("other")
    monkeypatch.setenv("SVOD_CRM_FILE", str(tmp_path / "crm"))
    monkeypatch.setenv("SVOD_CRM", VALUE)
    assert Secret("SVOD_CRM").value() == VALUE


def test_value_comes_stripped_from_the_file(monkeypatch, tmp_path):
    (tmp_path / "crm").write_text(f"\n{VALUE}\n")
    monkeypatch.setenv("SVOD_CRM_FILE", str(tmp_path / "crm"))
    assert Secret("SVOD_CRM").value() == VALUE


def test_missing_secret_is_named():
    with pytest.raises(SecretError) as caught:
        Secret("SVOD_CRM").value()
    assert str(caught.value) == (
        "SVOD_CRM is not set: set it, or SVOD_CRM_FILE to a file that holds it, on every machine"
        " that runs the job"
    )


@pytest.mark.parametrize(
    ("content", "message"), [(None, "cannot read {}: FileNotFoundError"), ("  \n", "{} is empty")]
)
def test_bad_file_is_named(monkeypatch, tmp_path, content, message):
    path = tmp_path / "crm"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("SVOD_CRM_FILE", str(path))
    with pytest.raises(SecretError) as caught:
        Secret("SVOD_CRM").value()
    assert str(caught.value) == f"SVOD_CRM_FILE: {message.format(path)}"


def test_what_travels_is_the_name(monkeypatch):
    monkeypatch.setenv("SVOD_CRM", VALUE)
    secret = Secret("SVOD_CRM")
    assert secret.value() == VALUE
    assert repr(secret) == "Secret(variable='SVOD_CRM')"
    assert b"k3y" not in pickle.dumps(secret)
    assert pickle.loads(pickle.dumps(secret)) == secret


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (
            "POST https://b24.example/rest/1/k3y/batch 503",
            "POST https://b24.example/rest/***/***/batch 503",
        ),
        ("https://b24.example/rest/12/k3y", "https://b24.example/rest/***/***"),
        ("mysql://svod:secret@db:3306/shop", "mysql://***:***@db:3306/shop"),
        ("mysql://svod:p@ss/w@db/shop refused", "mysql://***:***@db/shop refused"),
        ("redis://:pw@h and mysql://u:pw@h", "redis://***:***@h and mysql://***:***@h"),
        ("http://127.0.0.1:8080/rest/methods", "http://127.0.0.1:8080/rest/methods"),
        ("sqlite:///svod.db", "sqlite:///svod.db"),
    ],
)
def test_mask_blacks_out_secret_urls(text, masked):
    assert mask(text) == masked


def test_mask_blacks_out_given_values():
    assert mask("token t0 and t0ken", "t0", "", "t0ken") == "token *** and ***"
