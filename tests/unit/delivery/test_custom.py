"""Channels of other packages, found by real metadata; and Apprise, which stays at hosts that are fixed."""

import importlib
import socket
import sys
import textwrap
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from agentschedule.delivery.channels import apprise_, custom
from agentschedule.delivery.channels.custom import CustomDelivery
from agentschedule.delivery.guard import Guard
from agentschedule.delivery.messages import default_message
from agentschedule.delivery.outcome import Again, Delivered, Outcome, Refused
from agentschedule.policy.addresses import Reach
from tests.unit.delivery.notices import FAILED
from tests.unit.delivery.servers import AUTHORITY, HttpServer, answering, http_server, server_tls

MODULE = """
    import asyncio
    from agentschedule.delivery.outcome import Again, Delivered, Refused

    sent = []

    async def works(delivery):
        sent.append((delivery.notice.key, delivery.message.title, dict(delivery.config), dict(delivery.settings)))
        return Delivered()

    async def waits(delivery):
        return Again("later", after=5)

    async def fails(delivery):
        raise RuntimeError(f"with {delivery.config['token']}")

    async def hangs(delivery):
        await asyncio.sleep(60)

    async def silent(delivery):
        return None
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package as pip leaves it: a module, and its metadata beside it."""
    (tmp_path / "beeper_channel.py").write_text(textwrap.dedent(MODULE))
    info = tmp_path / "beeper_channel-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: beeper-channel\nVersion: 1.2\n")
    names = ("works", "waits", "fails", "hangs", "silent")
    lines = [f"beeper-{name} = beeper_channel:{name}" for name in names] + ["beeper-broken = beeper_channel:nothing"]
    (info / "entry_points.txt").write_text("[agentschedule.delivery]\n" + "\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    custom._channel.cache_clear()
    yield
    sys.modules.pop("beeper_channel", None)
    custom._channel.cache_clear()


def delivery(**config: Any) -> CustomDelivery:
    return CustomDelivery(FAILED, default_message(FAILED), Guard(Reach()), config, {"beep": 1})


@pytest.mark.usefixtures("package")
async def test_a_channel_of_another_package() -> None:
    assert await custom.send("beeper-works", delivery(a=1), 5) == Delivered()
    sent = importlib.import_module("beeper_channel").sent
    assert sent == [(FAILED.key, "Failed: team-a/daily-news", {"a": 1}, {"beep": 1})]


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("beeper-waits", Again("later", after=5)),
        ("beeper-fails", Again("the channel beeper-fails failed (RuntimeError)")),
        ("beeper-hangs", Again("the channel beeper-hangs took more than 0.2 s")),
        ("beeper-silent", Again("the channel beeper-silent did not say what became of it")),
        ("beeper-broken", Again("the channel beeper-broken cannot be loaded (AttributeError)")),
        ("beeper-unknown", Refused("no package of the operator's image brings the channel beeper-unknown")),
    ],
)
async def test_channels_that_do_not_work(name: str, outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    assert await custom.send(name, delivery(token="t0ps3cret"), 0.2) == outcome
    assert "t0ps3cret" not in caplog.text


APPRISE = {
    "discord": "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    "gchat": "gchat://workspace/key/token",
    "line": "line://token/target",
    "opsgenie": "opsgenie://apikey",
    "pagerduty": "pagerduty://integrationkey@apikey/source/component",
    "pover": "pover://user@token",
    "tgram": "tgram://123456789:alphanumeric/12315544",
    "twilio": "twilio://AC" + "a" * 32 + ":" + "b" * 32 + "@15551233456/15551233457",
}


@pytest.fixture
async def internet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Every name leads to one real TLS server of ours, which keeps what it is sent; hosts are kept by name."""
    bundle = tmp_path / "ca.pem"
    AUTHORITY.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    hosts = [host for service in apprise_.SERVICES.values() for host in service.hosts]
    resolve = socket.getaddrinfo
    asked: list[str] = []
    async with http_server(answering(200, "{}"), tls=server_tls(*hosts, "evil.example")) as server:

        def lead_here(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
            asked.append(host)
            return resolve("127.0.0.1", server.port, *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", lead_here)
        yield server, asked


def test_the_urls_cover_every_scheme() -> None:
    assert set(APPRISE) == set(apprise_.SERVICES)


HOSTILE_OPTIONS = (
    "verify=no&redirect=yes&cto=600&rto=600&host=127.0.0.1&server=127.0.0.1&hostname=evil.example&region=eu"
)


@pytest.mark.parametrize("scheme", sorted(APPRISE))
@pytest.mark.parametrize("options", ["", HOSTILE_OPTIONS], ids=["plain", "hostile options"])
async def test_apprise_speaks_to_the_scheme_s_host_only(
    scheme: str, options: str, internet: tuple[HttpServer, list[str]]
) -> None:
    server, asked = internet
    url = APPRISE[scheme] + (f"?{options}" if options else "")
    outcome = await apprise_.send(delivery(url=url))
    assert isinstance(outcome, Delivered | Again)
    assert server.received
    assert set(asked) <= set(apprise_.SERVICES[scheme].hosts)
    assert {request.headers["Host"] for request in server.received} <= set(apprise_.SERVICES[scheme].hosts)
    assert any(b"Two of five sources" in request.body or b"Two+of+five" in request.body for request in server.received)


@pytest.mark.parametrize(
    "url",
    [
        "json://127.0.0.1/",
        "jsons://evil.example/",
        "xml://127.0.0.1",
        "form://127.0.0.1",
        "ntfys://evil.example/topic",
        "gotify://10.0.0.1/token",
        "mailto://user:t0ps3cret@evil.example",
        "syslog://127.0.0.1",
        "dbus://",
        "matrix://evil.example",
        "slack://a/b/c",
        "https://discord.com/api/webhooks/1/2",
        "http://127.0.0.1/discord://",
        "file:///etc/passwd",
        "DISCORDS://a/b",
        " discord://a/b",
        "no url",
    ],
)
async def test_apprise_s_other_schemes_are_refused(url: str, internet: tuple[HttpServer, list[str]]) -> None:
    server, asked = internet
    outcome = await apprise_.send(delivery(url=url))
    assert isinstance(outcome, Refused)
    assert "t0ps3cret" not in outcome.reason
    assert asked == []
    assert server.received == []


async def test_an_administrator_allows_fewer_schemes_not_others() -> None:
    allowed = CustomDelivery(
        FAILED, default_message(FAILED), Guard(Reach()), {"url": "json://127.0.0.1"}, {"schemes": ["json", "tgram"]}
    )
    assert await apprise_.send(allowed) == Refused("the URL's scheme is not allowed; allowed: tgram")


@pytest.mark.parametrize("config", [{}, {"urls": []}, {"url": 1}, {"urls": ["tgram://a"] * 6}, {"urls": [1]}])
async def test_apprise_needs_urls(config: dict[str, Any]) -> None:
    assert isinstance(await apprise_.send(delivery(**config)), Refused)


async def test_apprise_s_redirects_certificates_and_logs(
    monkeypatch: pytest.MonkeyPatch, internet: tuple[HttpServer, list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    server, _ = internet
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    outcome = await apprise_.send(delivery(url=APPRISE["discord"] + "?verify=no"))
    assert isinstance(outcome, Again)
    assert server.received == []
    assert "JHMHI8qBe7bk2ZwO5U711o3dV_js" not in caplog.text + outcome.reason


async def test_apprise_is_an_entry_point_of_ours(internet: tuple[HttpServer, list[str]]) -> None:
    found = entry_points(group=custom.GROUP, name="apprise")
    assert [point.value for point in found] == ["agentschedule.delivery.channels.apprise_:send"]
    assert await custom.send("apprise", delivery(url=APPRISE["pover"]), 10) is not None
