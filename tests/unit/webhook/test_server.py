"""The server: what kopf's handlers are given, and what is counted, over a real connection."""

import asyncio
import io
import json
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from agentschedule.webhook.server import WebhookThread
from tests.integration.admission import certificates

REVIEW: dict[str, Any] = {
    "request": {
        "operation": "UPDATE",
        "object": {"metadata": {"name": "a", "uid": "x", "managedFields": []}, "spec": {}, "status": {"runs": []}},
        "oldObject": {"metadata": {"name": "a", "uid": "x"}, "spec": {"input": "y" * 3_000_000}},
    }
}
ANSWERS: list[dict[str, Any]] = [
    {"allowed": True},
    {"allowed": False, "status": {"code": 422}},
    {"allowed": False, "status": {"code": 500}},
]


class Asked:
    """Stands for kopf."""

    def __init__(self) -> None:
        self.reviews: list[Any] = []
        self.response: dict[str, Any] = {"allowed": True}
        self.counted: list[tuple[str, str]] = []

    async def answer(self, review: Any, *, webhook: str) -> Any:
        self.reviews.append((webhook, review))
        return {"response": self.response}

    def observe(self, operation: str, result: str, seconds: float) -> None:
        assert seconds > 0
        self.counted.append((operation, result))


@pytest.fixture
def asked() -> Asked:
    return Asked()


async def test_it_answers_large_requests_and_counts_what_came_of_them(asked: Asked, tmp_path: Path) -> None:
    context = ssl.create_default_context(cadata=certificates(tmp_path).decode())
    thread = WebhookThread("127.0.0.1", 0, tmp_path, asked.observe)
    serving: Any = thread(asked.answer)  # type: ignore[arg-type]
    config = await anext(serving)
    assert thread.up.is_set()
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
            url = config["url"].replace("localhost", "127.0.0.1")
            for response in ANSWERS:
                asked.response = response
                async with session.post(f"{url}/judge", data=io.BytesIO(json.dumps(REVIEW).encode())) as answer:
                    assert await answer.json() == {"response": response}
            async with session.post(f"{url}/judge", data="nonsense") as answer:
                assert answer.status == 400
    finally:
        await serving.aclose()
    assert not thread.up.is_set()
    webhook, review = asked.reviews[0]
    assert webhook == "judge"
    assert review["request"]["object"] == {"metadata": {"name": "a"}, "spec": {}}
    assert asked.counted == [("update", "allowed"), ("update", "denied"), ("update", "error"), ("unknown", "error")]


async def test_a_certificate_that_cannot_be_read_is_told(asked: Asked, tmp_path: Path) -> None:
    thread = WebhookThread("127.0.0.1", 0, tmp_path, asked.observe)
    serving: Any = thread(asked.answer)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        async with asyncio.timeout(10):
            await anext(serving)
    assert not thread.up.is_set()
