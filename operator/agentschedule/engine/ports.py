"""What the engine needs of a cluster. `cluster.Operations` is one, the simulation's fake another."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol, cast

from agentschedule.cluster.client import Answer
from agentschedule.cluster.errors import ApiError

Raw = dict[str, Any]


class Cluster(Protocol):
    """Writes and fresh reads; all raise `ApiError`. See `cluster.operations.Operations`."""

    async def warm(self, connections: int) -> None:
        """Have so many connections open, so that the first requests of a burst need not open them. Never fails."""

    async def create_job(self, namespace: str, manifest: Raw | bytes) -> Answer:
        """Create a Job, given as such or as JSON text."""

    async def dry_run_job(self, manifest: Raw) -> Answer:
        """Ask whether a Job would be taken."""

    async def create_approval(self, namespace: str, manifest: Raw) -> Raw:
        """Create an AgentApproval."""

    async def create_claim(self, manifest: Raw) -> Raw:
        """Create a PersistentVolumeClaim."""

    async def read(self, kind: str, namespace: str, name: str) -> Raw | None:
        """A fresh read; None when there is no such object."""

    async def list_jobs(self, namespace: str, schedule_uid: str) -> tuple[list[Raw], int]:
        """A schedule's Jobs, and the version of that list."""

    async def delete(
        self, kind: str, namespace: str, name: str, uid: str, propagation: Literal["Background", "Foreground"]
    ) -> bool:
        """Delete exactly this object."""

    async def stop_job(self, namespace: str, name: str, uid: str, why: str) -> bool:
        """Note on a Job why it is stopped, then delete it."""

    async def patch(self, kind: str, namespace: str, name: str, body: Raw, subresource: str = "") -> Raw:
        """Merge-patch an object or its subresource."""

    async def events_on(self, namespace: str, uid: str) -> list[Raw]:
        """The Events on an object."""

    async def post_event(
        self, regarding: Raw, event_type: Literal["Normal", "Warning"], reason: str, message: str, name: str
    ) -> None:
        """Post an Event."""


class _Attended:
    """A cluster whose failures somebody hears of, however those who call it deal with them."""

    def __init__(self, cluster: Cluster, on_error: Callable[[ApiError], None]) -> None:
        self._cluster = cluster
        self._on_error = on_error

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        """The cluster's method of this name."""
        method = getattr(self._cluster, name)

        async def attended(*args: Any, **kwargs: Any) -> Any:
            try:
                return await method(*args, **kwargs)
            except ApiError as error:
                self._on_error(error)
                raise

        setattr(self, name, attended)
        return attended


def attended(cluster: Cluster, on_error: Callable[[ApiError], None]) -> Cluster:
    """The same cluster, with `on_error` called for each request that fails."""
    return cast("Cluster", _Attended(cluster, on_error))
