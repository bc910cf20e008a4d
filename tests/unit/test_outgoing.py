"""Deliveries as settings say."""

from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from agentschedule.delivery_settings import DeliverySettings, SmtpSettings
from agentschedule.outgoing import Means, api_server_addresses, outlets_of, reach_of
from agentschedule.policy.addresses import Reach
from agentschedule.settings import describe, load

SMTP = {"host": "mail.example.com", "sender": "agents@example.com"}


def test_by_default_public_https_and_nothing_else() -> None:
    settings = DeliverySettings()
    assert reach_of(settings) == Reach()
    outlets = outlets_of(settings)
    assert (outlets.enabled, outlets.smtp, outlets.log_files, outlets.slack) == (True, False, False, False)
    assert outlets.custom == frozenset({"apprise"})
    assert len(outlets.apprise or ()) == 8


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTSCHEDULE_DELIVERY__HTTP", "true")
    monkeypatch.setenv("AGENTSCHEDULE_DELIVERY__PORTS", "[80, 443]")
    monkeypatch.setenv("AGENTSCHEDULE_DELIVERY__SMTP__HOST", "mail.example.com")
    monkeypatch.setenv("AGENTSCHEDULE_DELIVERY__SMTP__SENDER", "agents@example.com")
    delivery = load(None).delivery
    assert (delivery.http, delivery.ports) == (True, (80, 443))
    assert delivery.smtp == SmtpSettings.model_validate(SMTP)


def test_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(
        "delivery:\n  ports: [443, 8443]\n  private_networks: [10.20.0.0/16]\n  allowed_hosts: ['*.example.com']\n"
        "  smtp: {host: mail.example.com, sender: agents@example.com, port: 465, security: tls}\n"
    )
    delivery = load(file).delivery
    assert isinstance(delivery, DeliverySettings)
    assert reach_of(delivery).networks == (ip_network("10.20.0.0/16"),)
    assert reach_of(delivery).hosts == ("*.example.com",)
    assert delivery.smtp is not None
    assert delivery.smtp.security == "tls"


def test_each_setting_is_described() -> None:
    text = describe()
    for name in DeliverySettings.model_fields:
        assert f"AGENTSCHEDULE_DELIVERY__{name.upper()} (file: delivery.{name};" in text


@pytest.mark.parametrize(
    "wrong",
    [
        {"private_networks": ["10.0.0.1/8"]},
        {"ports": []},
        {"ports": [0]},
        {"smtp": {"host": "mail.example.com"}},
        {"smtp": {**SMTP, "security": "none", "username": "me"}},
        {"smtp": {**SMTP, "password": "here"}},
        {"hosts": []},
    ],
)
def test_wrong_settings(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DeliverySettings.model_validate(wrong)


def test_credentials_are_read_again_when_they_change(tmp_path: Path) -> None:
    password, token = tmp_path / "password", tmp_path / "token"
    password.write_text("one\n")
    smtp = {**SMTP, "username": "agents", "password_file": str(password)}
    settings = DeliverySettings.model_validate({"smtp": smtp, "slack": {"token_file": str(token)}})
    now = 0.0
    means = Means(settings, Reach(), clock=lambda: now)
    smtp_options = means().smtp
    assert smtp_options is not None
    assert (smtp_options.password, means().slack.token) == ("one", "")
    password.write_text("hunter2")
    token.write_text("xoxb-1")
    assert means().smtp is smtp_options
    now = 31.0
    assert (getattr(means().smtp, "password", None), means().slack.token) == ("hunter2", "xoxb-1")
    assert "hunter2" not in repr(means())


def test_fewer_schemes_of_apprise() -> None:
    settings = DeliverySettings(apprise_schemes=("tgram", "smtp"))
    assert outlets_of(settings).apprise == frozenset({"tgram"})
    assert Means(settings, Reach())().custom["apprise"] == {"schemes": ["tgram", "smtp"]}


def test_the_api_servers_addresses() -> None:
    assert api_server_addresses("https://10.96.0.1:443") == (ip_network("10.96.0.1/32"),)
    assert api_server_addresses("https://[fd00::1]:6443") == (ip_network("fd00::1/128"),)
    assert ip_network("127.0.0.1/32") in api_server_addresses("https://localhost:6443")
    assert api_server_addresses("https://no-such-name.invalid") == ()
