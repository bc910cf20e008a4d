"""A small HTTP server on loopback that answers as an API server does, from recorded lists."""

import copy
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

Raw = dict[str, Any]
NAMESPACE = "shop-recorded"
RECORDED_AT = datetime.fromisoformat("2026-11-22T15:17:57Z")
_RECORDED = Path(__file__).parent / "recorded"


class ApiServer:
    """Its objects, its clock, and how it misbehaves; a test may change each of them between two requests."""

    def __init__(self) -> None:
        self.now = RECORDED_AT
        self.objects = {kind: _recorded(kind) for kind in ("pods", "events")}
        self.refused: dict[str, int] = {}
        self.answers: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.silent = False
        self.url = ""
        self.reached = threading.Event()
        self.released = threading.Event()

    def pod(self, name: str) -> Raw:
        """One of the recorded pods, by the beginning of its name."""
        return next(pod for pod in self.objects["pods"] if pod["metadata"]["name"].startswith(name))

    def only(self, *names: str) -> None:
        """Have these of the recorded pods (by the beginning of their names), and no event."""
        self.objects = {
            "pods": [pod for pod in _recorded("pods") if pod["metadata"]["name"].startswith(names)],
            "events": [],
        }

    def add_event(self, kind: str, name: str, reason: str, at: datetime, **changes: object) -> Raw:
        """A warning."""
        event = copy.deepcopy(next(e for e in _recorded("events") if e["type"] == "Warning"))
        stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
        event["involvedObject"] = {"kind": kind, "name": name, "namespace": NAMESPACE}
        event["metadata"] |= {"name": f"{name}.{reason}", "creationTimestamp": stamp}
        event |= {"reason": reason, "message": f"{reason} happened", "firstTimestamp": stamp, "lastTimestamp": stamp}
        event |= changes
        self.objects["events"].append(event)
        return event

    def answer(self, target: str) -> tuple[int, bytes]:
        """What is answered to a GET."""
        self.asked.append(target)
        url = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        resource = url.path.rpartition("/")[2]
        if self.silent and resource != "version":
            self.reached.set()
            self.released.wait(30)
        if resource in self.refused:
            return self.refused[resource], json.dumps({"kind": "Status", "code": self.refused[resource]}).encode()
        if resource in self.answers:
            return 200, self.answers[resource]
        if resource == "version":
            return 200, b'{"gitVersion": "v1.36.3"}'
        return 200, json.dumps(self._page(url.path, resource, query)).encode()

    def _page(self, path: str, resource: str, query: dict[str, str]) -> Raw:
        found = self.objects[resource]
        if "/namespaces/" in path:
            found = [item for item in found if item["metadata"]["namespace"] == path.split("/")[4]]
        if query.get("fieldSelector") == "type=Warning":
            found = [item for item in found if item["type"] == "Warning"]
        start, limit = int(query.get("continue", "0")), int(query["limit"])
        metadata = {"resourceVersion": "1"}
        if start + limit < len(found):
            metadata["continue"] = str(start + limit)
        return {"kind": "List", "metadata": metadata, "items": found[start : start + limit]}


@contextmanager
def running(api: ApiServer) -> Iterator[ApiServer]:
    """Serve until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code, body = api.answer(self.path)
            self.send_response_only(code)
            self.send_header("Date", format_datetime(api.now, usegmt=True))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def handle(self) -> None:
            with suppress(BrokenPipeError, ConnectionResetError):  # the agent was stopped
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield api
    finally:
        api.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _recorded(kind: str) -> list[Raw]:
    items: list[Raw] = json.loads((_RECORDED / f"{kind}.json").read_text())["items"]
    return items
