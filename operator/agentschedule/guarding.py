"""Whether the admission policies are in force that make decisions about runs, and what is said of authors, trustworthy.

Without them anybody who may write AgentApprovals could approve, in anybody's name. So they are looked for at the start
and again and again, and compared with what this operator ships.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime

from agentschedule.api.admission import (
    BINDINGS,
    POLICIES,
    Raw,
    approvals_name,
    approvals_policy,
    authors_name,
    authors_policy,
    binding,
    in_force,
)
from agentschedule.cluster.client import Client
from agentschedule.cluster.errors import ApiError
from agentschedule.cluster.paths import cluster_item, collection
from agentschedule.engine.intake import Intake
from agentschedule.planning.observed import Guarded, Protection
from agentschedule.runs.names import parse_time

logger = logging.getLogger(__name__)

_SOON = 2.0


class Guard:
    """Looks every `interval` seconds. `prefix` is what the names of the policies begin with."""

    def __init__(
        self, client: Client, intake: Intake, *, prefix: str, namespaces: Sequence[str], interval: float
    ) -> None:
        self._client = client
        self._intake = intake
        self._prefix = prefix
        self._namespaces = namespaces
        self._interval = interval
        self._told: Protection | None = None

    async def run(self) -> None:
        """Look, until cancelled. What is known stays while the API server does not answer."""
        while True:
            try:
                found = await self.look()
            except ApiError as error:
                logger.debug("the admission policies could not be looked at", extra={"error": str(error)})
                await asyncio.sleep(_SOON)
                continue
            self._tell(found)
            self._intake.protect(found)
            await asyncio.sleep(self._interval)

    async def look(self) -> Protection:
        """What is in force now. Raises `ApiError` where nobody knows."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            answer = await self._client.request("POST", collection("selfsubjectreviews"), body=review)
        except ApiError as error:
            if error.status not in {403, 404}:
                raise
            nobody = Guarded(known=True, problem="the API server does not tell the operator its user name")
            return Protection(nobody, nobody)
        user = answer.read()["status"]["userInfo"]["username"]
        approvals, authors = approvals_policy(self._prefix, user), authors_policy(self._prefix)
        return Protection(
            approvals=await self._guarded(approvals_name(self._prefix), approvals),
            authors=await self._guarded(authors_name(self._prefix), authors),
        )

    async def _guarded(self, name: str, policy: Raw) -> Guarded:
        since = list[datetime]()
        for kind, wanted in ((POLICIES, policy), (BINDINGS, binding(name, self._namespaces))):
            what = f"{wanted['kind']} {name}"
            try:
                found = (await self._client.request("GET", cluster_item(kind, name))).read()
            except ApiError as error:
                problem = {404: f"there is no {what}", 403: f"the operator may not read {what}"}.get(error.status)
                if problem is None:
                    raise
                return Guarded(known=True, problem=f"{problem}; install it as the chart has it")
            if not in_force(found, wanted):
                return Guarded(known=True, problem=f"{what} is not as this operator's chart has it; install it anew")
            created = parse_time(found["metadata"].get("creationTimestamp"))
            since += [created] if created is not None else []
        return Guarded(known=True, since=max(since, default=None))

    def _tell(self, found: Protection) -> None:
        if found != self._told:
            for guard in (found.approvals, found.authors):
                if guard.problem is not None:
                    logger.warning("runs that need an approval do not start: %s", guard.problem)
        self._told = found
