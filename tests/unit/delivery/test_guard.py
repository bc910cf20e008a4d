"""What is connected to is what was judged: names that lead elsewhere, and that lead elsewhere the second time."""

import asyncio
import os

import pytest
import uvloop
from aiohttp import web

from agentschedule.delivery.guard import Guard
from agentschedule.delivery.outcome import Again, Refused
from agentschedule.delivery.posting import Answer, post
from agentschedule.policy.addresses import Reach
from tests.unit.delivery.servers import Names, Nobody, answering, http_server, reach


@pytest.mark.parametrize(
    "addresses",
    [
        pytest.param(["127.0.0.1"], id="loopback"),
        pytest.param(["10.1.2.3", "192.168.0.1", "fd00::1"], id="several private ones"),
        pytest.param(["169.254.169.254"], id="metadata"),
        pytest.param(["::ffff:127.0.0.1"], id="IPv4-mapped"),
        pytest.param(["64:ff9b::7f00:1"], id="NAT64"),
        pytest.param(["0.0.0.0"], id="unspecified"),
        pytest.param(["::1"], id="IPv6 loopback"),
    ],
)
async def test_a_name_that_leads_to_an_address_not_allowed(addresses: list[str]) -> None:
    async with http_server(answering()) as server:
        guard = Guard(Reach(http=True, ports=frozenset({server.port})), resolver=lambda: Names(addresses))
        outcome = await post(guard, server.url(host="innocent.example"), b"{}", {}, seconds=5)
    assert isinstance(outcome, Refused)
    assert not any(address in outcome.reason for address in addresses)
    assert server.received == []


async def test_a_name_whose_addresses_change_after_a_check() -> None:
    """The first answer is public, as a check beforehand would see it; the connection asks again."""
    names = Names(["93.184.215.14"], ["127.0.0.1"])
    assert (await names.resolve("rebind.example"))[0]["host"] == "93.184.215.14"
    async with http_server(answering()) as server:
        guard = Guard(Reach(http=True, ports=frozenset({server.port})), resolver=lambda: names)
        outcome = await post(guard, server.url(host="rebind.example"), b"{}", {}, seconds=5)
    assert isinstance(outcome, Refused)
    assert names.asked == 2
    assert server.received == []


async def test_of_several_addresses_only_allowed_ones_are_connected_to() -> None:
    async with http_server(answering()) as server:
        guard = Guard(reach(server.port), resolver=lambda: Names(["10.0.0.1", "169.254.169.254", "127.0.0.1"]))
        outcome = await post(guard, server.url(host="mixed.example"), b"{}", {}, seconds=5)
    assert isinstance(outcome, Answer)
    assert len(server.received) == 1


async def test_what_the_system_makes_of_numbers_is_judged_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should a host get past the look at the URL, getaddrinfo's own reading of it is what counts."""
    monkeypatch.setattr("agentschedule.delivery.posting.refused_url", lambda *_: None)
    async with http_server(answering()) as server:
        guard = Guard(Reach(http=True, ports=frozenset({server.port})))
        for host in ("2130706433", "0x7f.1", "0177.0.0.1", "localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"):
            outcome = await post(guard, server.url(host=host), b"{}", {}, seconds=5)
            assert isinstance(outcome, Refused), host
    assert server.received == []


async def test_the_api_server_is_not_reached_by_its_name() -> None:
    async with http_server(answering()) as server:
        guard = Guard(reach(server.port, never=reach(1).networks), resolver=lambda: Names(["127.0.0.1"]))
        outcome = await post(guard, server.url(host="kubernetes.default.svc"), b"{}", {}, seconds=5)
    assert isinstance(outcome, Refused)
    assert server.received == []


async def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with http_server(answering()) as proxy, http_server(answering()) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setitem(os.environ, name, proxy.url(""))
        assert isinstance(await post(server.guard(), server.url(), b"{}", {}, seconds=5), Answer)
    assert proxy.received == []
    assert len(server.received) == 1


async def test_cookies_of_one_delivery_are_not_sent_with_another() -> None:
    async with http_server(answering(Set_Cookie="a=b")) as server:
        guard = server.guard()
        for _ in range(2):
            await post(guard, server.url(), b"{}", {}, seconds=5)
    assert all("Cookie" not in request.headers for request in server.received)


async def test_a_name_that_nobody_knows() -> None:
    guard = Guard(Reach(), resolver=Nobody)
    assert await post(guard, "https://nobody.example/", b"", {}, seconds=5) == Again(
        "the host's name cannot be resolved"
    )


def test_the_same_on_uvloop() -> None:
    """The operator runs on it."""

    async def both() -> tuple[object, object]:
        async with http_server(answering()) as server:
            shut = Guard(Reach(http=True, ports=frozenset({server.port})), resolver=lambda: Names(["127.0.0.1"]))
            refused = await post(shut, server.url(host="innocent.example"), b"{}", {}, seconds=5)
            return refused, await post(server.guard(), server.url(), b"{}", {}, seconds=5)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        refused, answered = runner.run(both())
    assert isinstance(refused, Refused)
    assert isinstance(answered, Answer)


async def test_redirects_are_not_followed_by_a_session() -> None:
    async with http_server(answering()) as inner:

        async def away(_: web.Request) -> web.Response:
            return web.Response(status=307, headers={"Location": inner.url()})

        async with http_server(away) as server:
            answer = await post(server.guard(), server.url(), b"{}", {}, seconds=5)
    assert isinstance(answer, Answer)
    assert answer.status == 307
    assert inner.received == []
