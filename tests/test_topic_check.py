"""The topic is tried before anything is read: an error names the option to change."""

import pytest

from sandbox.servers.kafka_security import PASSWORD, grant
from sandbox.servers.services import free_port
from transforms.core.errors import AwayError, ConfigurationError
from transforms.stores.topic import check, client
from transforms.stores.topic.check import check_topic
from transforms.stores.topic.client import SettingNames, TopicAccess

NAMES = SettingNames(
    "--store_b_kafka", "--store_b_topic", "--store_b_group", "--store_b_kafka_config"
)


@pytest.fixture(autouse=True)
def no_patience(monkeypatch):
    monkeypatch.setattr(check, "ANSWER_TIMEOUT", 3.0)
    monkeypatch.setattr(client, "ANSWER_TIMEOUT", 3.0)


def problem_of(access):
    with pytest.raises(ConfigurationError) as caught:
        check_topic(access)
    assert not isinstance(caught.value, AwayError)
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def secured(kafka, topic, tmp_path):
    """Access to the secured listener, with a properties file made of the text that is given."""

    def made(text=None, group="g"):
        path = tmp_path / "kafka.properties"
        path.write_text(kafka.secured.properties() if text is None else text)
        return TopicAccess(kafka.secured.brokers, topic, group, str(path), names=NAMES)

    return made


def test_a_sound_topic(kafka, topic):
    check_topic(TopicAccess(kafka.brokers, topic, "any"))


def test_nobody_is_there(caplog):
    brokers = f"127.0.0.1:{free_port()}"
    with pytest.raises(AwayError) as caught:
        check_topic(TopicAccess(brokers, "t", "g", names=NAMES))
    assert str(caught.value).startswith(f"--store_b_kafka: no broker of {brokers} can be reached: ")
    # Nor does librdkafka tell each of its tries.
    assert not caplog.records


def test_a_topic_that_is_not_there(kafka):
    assert problem_of(TopicAccess(kafka.brokers, "no-such", "g", names=NAMES)) == (
        "--store_b_topic: the brokers have no topic no-such"
    )
    assert problem_of(TopicAccess(kafka.brokers, "no such", "g", names=NAMES)).startswith(
        "--store_b_topic: "
    )


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_a_wrong_password(kafka, secured, mechanism):
    text = kafka.secured.properties(mechanism, "wr0ng")
    message = problem_of(secured(text))
    assert message == "--store_b_kafka_config: the brokers do not know this user and password"


def test_no_rights_one_by_one(kafka, topic, secured):
    access = secured(group="of-others")
    assert problem_of(access) == (
        f"--store_b_topic: this user may not read {topic}: grant READ on it"
    )
    admin = kafka.admin()
    grant(admin, topic, "another-group")
    assert problem_of(access) == (
        "--store_b_group: this user may not read in the group of-others: grant READ on it"
    )
    grant(admin, topic, "of-others")
    check_topic(access)


def test_who_may_look_but_not_read(kafka, topic, secured):
    admin = kafka.admin()
    grant(admin, topic, "g", "DESCRIBE")
    assert (
        problem_of(secured())
        == f"--store_b_topic: this user may not read {topic}: grant READ on it"
    )


def test_a_certificate_of_another(kafka, secured, tmp_path):
    text = kafka.secured.properties().replace(str(kafka.secured.certificate), "/etc/ssl/no")
    assert problem_of(secured(text)).startswith("--store_b_kafka_config: ")
    text = "\n".join(
        line for line in kafka.secured.properties().splitlines() if "ssl.ca" not in line
    )
    assert problem_of(secured(text)) == (
        "--store_b_kafka_config: no secure connection: check security.protocol, ssl.ca.location"
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("sasl.password", "line 1 of {path} is not name=value"),
        (
            f"\n# a comment\nsasl.pasword={PASSWORD}\n",
            "librdkafka does not take sasl.pasword: it has no such property, or not with this"
            " value",
        ),
        (
            f"sasl.password={PASSWORD}\nsecurity.protocol={PASSWORD}",
            "librdkafka does not take security.protocol: it has no such property, or not with"
            " this value",
        ),
    ],
)
def test_a_setting_that_is_none(secured, text, problem):
    access = secured(text)
    assert problem_of(access) == f"--store_b_kafka_config: {problem.format(path=access.config)}"


def test_a_file_that_is_not_there(kafka, topic):
    access = TopicAccess(kafka.brokers, topic, "g", "/no/such.properties", names=NAMES)
    assert problem_of(access) == (
        "--store_b_kafka_config: cannot read /no/such.properties: No such file or directory"
    )
