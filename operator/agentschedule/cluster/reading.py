"""What deliveries read of the cluster: entries of Secrets and logs of agents, through connections of their own."""

from agentschedule.cluster.client import Client
from agentschedule.cluster.errors import ApiError
from agentschedule.cluster.paths import item
from agentschedule.cluster.secrets import secret_text

LOG_BYTES = 256 * 1024
"""Of a log, its end."""

_LINES = 5000
_FEW_LINES = 100
_MOST_READ = 8 * 1024 * 1024


class Reading:
    """Reads by name only. All raise `ApiError`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def secret(self, namespace: str, name: str) -> dict[str, str]:
        """The entries of a Secret that are text; empty when there is no such Secret."""
        try:
            answer = await self._client.request("GET", item("secrets", namespace, name))
        except ApiError as error:
            if error.status == 404:
                return {}
            raise
        given = answer.read().get("data") or {}
        return {key: text for key, value in given.items() if (text := secret_text(value)) is not None}

    async def log(self, namespace: str, pod: str, container: str) -> tuple[str, bool]:
        """The end of a container's log, at most `LOG_BYTES`, and whether there was more of it."""
        path = item("pods", namespace, pod, "log")
        params = {"container": container, "tailLines": str(_LINES)}
        kept, more = await self._client.tail(path, params=params, keep=LOG_BYTES, most=_MOST_READ)
        if len(kept) == LOG_BYTES and more:
            # So many long lines that their end may not have been reached.
            few = {**params, "tailLines": str(_FEW_LINES)}
            last, _ = await self._client.tail(path, params=few, keep=LOG_BYTES, most=_MOST_READ)
            kept = last if not kept.endswith(last[-1024:]) else kept
        return kept.decode(errors="replace"), more or kept.count(b"\n") >= _LINES
