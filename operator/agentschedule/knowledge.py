"""What is known: everything is listed, then watched, for as long as the process lives, whoever leads."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial

from agentschedule.cluster.client import Client
from agentschedule.cluster.leadership import Written
from agentschedule.cluster.paths import collection
from agentschedule.cluster.reflector import OnEvent, Reflector
from agentschedule.constants import SELECTOR
from agentschedule.engine.intake import Intake
from agentschedule.metrics import Metrics

logger = logging.getLogger(__name__)

_PATIENCE = 0.5
_LOOK_AGAIN = 0.02


class Knowledge:
    """Feeds the intake. `namespaces` are those to watch; None stands for all."""

    def __init__(
        self, client: Client, intake: Intake, metrics: Metrics, namespaces: tuple[str, ...] | tuple[None]
    ) -> None:
        self._client = client
        self._intake = intake
        self._metrics = metrics
        self._namespaces = namespaces
        self._reflectors: dict[str, dict[str | None, Reflector]] = {}
        self.tasks: list[asyncio.Task[None]] = []
        self.learned = asyncio.Event()
        """Whether everything was listed once."""
        self._base: Written = {}
        """The versions from which on what others have written is known."""

    async def learn(self, written: Written | None = None) -> None:
        """Know everything that was there when this was called, at least.

        A watch may have fallen silent without a word, so everything is listed; unless it is known what was `written`
        last by whoever else writes, and the watches have told of that.
        """
        if written is not None and await self._has_told(written):
            logger.info("everything that was written before is known")
            self._base = written
            return
        logger.info("listing what is there")
        intake = self._intake
        intake.registry.begin_lists()
        if None in self._namespaces:  # else they come from a file: policies and namespaces are in no namespace
            await self._list("namespaces", "", intake.observe_namespace, intake.namespaces_listed)
            await self._list("agentpolicies", "", intake.observe_policy, intake.policies_listed)
        # Schedules before Jobs: no status is newer than they are. Pods before Jobs: a pod whose Job is not listed has
        # lost it for certain.
        await self._list("agentschedules", "", intake.observe_schedule, intake.schedules_listed)
        await self._list("agentruns", "", intake.observe_request, intake.requests_listed)
        await self._list("pods", SELECTOR, intake.observe_pod, intake.pods_listed)
        await self._list("jobs", SELECTOR, intake.observe_job, intake.jobs_listed)
        await self._list("agentapprovals", "", intake.observe_approval, intake.approvals_listed)
        intake.registry.recall_left_pods()
        self._base = {
            _named(kind, namespace): reflector.version
            for kind, reflectors in self._reflectors.items()
            for namespace, reflector in reflectors.items()
        }
        self.learned.set()

    def handed_over(self, versions: Mapping[tuple[str, str], int]) -> Written:
        """What another must know who is to lead after this operator, which has written these versions of kinds in
        namespaces: that, and what it was told itself when it began."""
        newest = dict(self._base)
        for (kind, namespace), version in versions.items():
            what = _named(kind, None if None in self._namespaces else namespace)
            newest[what] = max(version, newest.get(what, 0))
        return newest

    async def renew(self, kind: str) -> None:
        """List a kind anew."""
        await asyncio.gather(*(reflector.renew() for reflector in self._reflectors[kind].values()))

    async def _list(self, kind: str, selector: str, on_event: OnEvent, on_listed: Callable[..., None]) -> None:
        """Begin to watch a kind, or list what is watched already. Returns when everything of it is listed."""
        if kind in self._reflectors:
            await self.renew(kind)
            return
        self._reflectors[kind] = {
            namespace: Reflector(
                self._client,
                collection(kind, namespace),
                selector=selector,
                on_event=on_event,
                on_listed=partial(on_listed, namespace=namespace),
                on_restart=partial(self._metrics.watch_restarted, kind),
            )
            for namespace in self._namespaces
        }
        for reflector in self._reflectors[kind].values():
            self.tasks.append(asyncio.create_task(reflector.run(), name=f"watch-{kind}"))
        await asyncio.gather(*(reflector.synced.wait() for reflector in self._reflectors[kind].values()))

    async def _has_told(self, written: Written) -> bool:
        """Whether the watches are that far, or come that far in a moment."""
        for _ in range(int(_PATIENCE / _LOOK_AGAIN)):
            if all(self._version(what) >= version for what, version in written.items()):
                return True
            await asyncio.sleep(_LOOK_AGAIN)
        return False

    def _version(self, what: str) -> int:
        """Up to which version is known what has this name in a `Written`."""
        kind, _, namespace = what.partition("/")
        reflector = self._reflectors.get(kind, {}).get(namespace or None)
        return reflector.version if reflector is not None else -1


def _named(kind: str, namespace: str | None) -> str:
    """The name in a `Written` of what one reflector watches."""
    return kind if namespace is None else f"{kind}/{namespace}"
