"""Servers on the loopback to which an operator under test delivers: HTTP and SMTP, in threads of their own."""

import email
import email.policy
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

HOST = "127.0.0.2"
"""Not where API servers of local clusters listen: to those nothing is delivered."""


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Webhooks:
    """What was posted. `codes` are the answers to the next requests, then `code`."""

    port: int = 0
    code: int = 204
    codes: list[int] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/hook", host: str = HOST) -> str:
        return f"http://{host}:{self.port}{path}"

    def hang(self) -> None:
        self.released.clear()

    def release(self) -> None:
        self.released.set()

    def to(self, path: str) -> list[Request]:
        """What came to this path."""
        return [request for request in list(self.requests) if request.path == path]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextmanager
def webhooks(host: str = HOST) -> Iterator[Webhooks]:
    """A web server that keeps what it is sent."""
    received = Webhooks()
    received.release()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            received.requests.append(Request(self.path, dict(self.headers), body))
            received.released.wait(120)
            self.send_response(received.codes.pop(0) if received.codes else received.code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Nothing."""

    server = _Server((host, 0), Handler)
    received.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield received
    finally:
        received.release()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Mailbox:
    """Mails that were handed in, by whoever knows the password."""

    port: int
    ca_file: Path
    password: str
    mails: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        parsed = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)
        return "250 OK"

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"operator", self.password.encode())
        return AuthResult(success=right, handled=False)


@contextmanager
def mailbox(folder: Path, password: str) -> Iterator[Mailbox]:
    """An SMTP server that insists on STARTTLS and authentication."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(tls)
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    box = Mailbox(port, folder / "ca.pem", password)
    server = Controller(
        box,
        hostname=HOST,
        port=port,
        tls_context=tls,
        require_starttls=True,
        auth_required=True,
        authenticator=box.authenticate,
    )
    server.start()
    try:
        yield box
    finally:
        server.stop()
