"""The fault-injecting proxy, before a server that only counts."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from tests.chaos.faults import Answer, Delay, Fault, Hang, Reset, Silence, WatchError
from tests.chaos.proxy import Proxy

LONG = "x" * 100_000


class Server(ThreadingHTTPServer):
    """Carries out POSTs, and streams a line each 20 ms to whoever watches."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.carried_out: list[str] = []
        self.authorizations: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.authorizations.append(self.headers.get("Authorization", ""))
        if "watch=1" not in self.path:
            self._answer(200, LONG.encode())
            return
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"{}\n")
                time.sleep(0.02)
        except OSError:
            self.close_connection = True

    def do_POST(self) -> None:
        self.server.carried_out.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self._answer(201, LONG.encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    with Proxy(f"http://127.0.0.1:{server.server_port}", token="upstream") as proxy:
        yield proxy


def connect(proxy: Proxy) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(proxy.url).netloc, timeout=0.7)


def ask(proxy: Proxy, method: str = "GET", path: str = "/", body: str | None = None, token: str = "") -> int:
    with closing(connect(proxy)) as connection:
        connection.request(method, path, body, {"Authorization": f"Bearer {token}"})
        with connection.getresponse() as answer:
            answer.read()
            return answer.status


@contextmanager
def watch(proxy: Proxy) -> Iterator[http.client.HTTPResponse]:
    with closing(connect(proxy)) as connection:
        connection.request("GET", "/things?watch=1")
        with connection.getresponse() as stream:
            yield stream


def wait(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_without_a_fault_requests_are_passed_on_with_its_own_token(proxy: Proxy, server: Server) -> None:
    assert ask(proxy, token="mine") == 200
    assert server.authorizations == ["Bearer upstream"]
    assert ask(proxy, "POST", body="work") == 201
    assert server.carried_out == ["work"]
    assert proxy.asked == [("GET", "/"), ("POST", "/")]


def test_an_answer_in_the_servers_stead(proxy: Proxy, server: Server) -> None:
    with proxy.fault(Fault(Answer(429, retry_after=3))), closing(connect(proxy)) as connection:
        connection.request("POST", "/", "work")
        answer = connection.getresponse()
        assert (answer.status, answer.headers["Retry-After"]) == (429, "3")
        assert json.loads(answer.read())["reason"] == "TooManyRequests"
    assert server.carried_out == []
    assert ask(proxy, "POST", body="work") == 201


def test_only_what_matches_is_disturbed(proxy: Proxy) -> None:
    with proxy.fault(Fault(Answer(500), method="POST|PATCH", path="/jobs"), Fault(Answer(503), watch=True)):
        assert ask(proxy, "POST", "/jobs", "work") == 500
        assert ask(proxy, "POST", "/pods", "work") == 201
        assert ask(proxy, "GET", "/jobs") == 200
        assert ask(proxy, "GET", "/jobs?watch=1") == 503
    assert proxy.hit == 2


def test_a_share_of_the_requests(proxy: Proxy) -> None:
    with proxy.fault(Fault(Answer(500), share=0.3)):
        bad = [ask(proxy) for _ in range(200)].count(500)
    assert 30 <= bad <= 90


def test_a_reset_before_the_request_is_passed_on(proxy: Proxy, server: Server) -> None:
    with proxy.fault(Fault(Reset.BEFORE)), pytest.raises(ConnectionResetError):
        ask(proxy, "POST", body="work")
    assert server.carried_out == []


def test_a_reset_after_the_request_was_carried_out(proxy: Proxy, server: Server) -> None:
    with proxy.fault(Fault(Reset.AFTER)), pytest.raises(ConnectionResetError):
        ask(proxy, "POST", body="work")
    assert server.carried_out == ["work"]


def test_a_reset_amid_the_answer(proxy: Proxy, server: Server) -> None:
    with proxy.fault(Fault(Reset.MIDWAY)), pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        ask(proxy, "POST", body="work")
    assert server.carried_out == ["work"]


def test_a_delay(proxy: Proxy) -> None:
    begin = time.monotonic()
    with proxy.fault(Fault(Delay(0.3))):
        assert ask(proxy) == 200
    assert time.monotonic() - begin >= 0.3


def test_a_request_that_hangs_is_carried_out_though_nobody_waits_for_it(proxy: Proxy, server: Server) -> None:
    with proxy.fault(Fault(Hang())):
        with pytest.raises(TimeoutError):
            ask(proxy, "POST", body="work")
        assert server.carried_out == []
    wait(lambda: server.carried_out == ["work"])


def test_watches_are_streamed_and_cut(proxy: Proxy) -> None:
    with watch(proxy) as stream:
        assert [stream.readline() for _ in range(3)] == [b"{}\n"] * 3
        assert proxy.watches == 1
        proxy.cut_watches()
        with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
            stream.read()
    wait(lambda: proxy.watches == 0)


def test_a_watch_that_falls_silent_stays_open(proxy: Proxy) -> None:
    with watch(proxy) as stream:
        assert stream.readline() == b"{}\n"
        proxy.silence_watches("/things")
        with pytest.raises(TimeoutError):
            stream.read()
        assert proxy.watches == 0
        with watch(proxy) as another:
            assert another.readline() == b"{}\n"


def test_a_watch_that_is_silent_from_the_first(proxy: Proxy) -> None:
    with proxy.fault(Fault(Silence(), watch=True)), watch(proxy) as stream:
        assert stream.status == 200
        with pytest.raises(TimeoutError):
            stream.readline()


def test_an_error_within_a_watch(proxy: Proxy) -> None:
    with proxy.fault(Fault(WatchError(410), watch=True)), watch(proxy) as stream:
        event = json.loads(stream.read())
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


def test_a_token_that_is_not_taken_any_more(proxy: Proxy) -> None:
    proxy.tokens = frozenset({"new"})
    assert ask(proxy, token="old") == 401
    assert ask(proxy, token="new") == 200


def test_a_server_that_is_gone_is_a_reset(proxy: Proxy, server: Server) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(ConnectionResetError):
        ask(proxy)
