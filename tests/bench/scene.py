"""Where measures are taken: a control plane of their own, the operator's user with the chart's rights, the operator."""

import asyncio
import itertools
import os
import shutil
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml

from tests.bench import bodies
from tests.bench.arrivals import Arrivals
from tests.bench.client import Api
from tests.controlplane.plane import ControlPlane
from tests.kubectl import ROOT
from tests.operator_process import OperatorProcess

_TICKS = os.sysconf("SC_CLK_TCK")
_CLEAN_FAST = "--delete-collection-workers=16"
_QUIET = 0.03
"""The share of a core below which a process counts as being at rest."""

_PATIENCE = 600.0


class Scene:
    """A control plane with the CRDs, the operator's rights and the namespace of the bench.

    The operator's user is that of its pod: so the API server's fair queues treat it, and who stands in for it, alike.
    """

    def __init__(self, folder: Path, *, apiserver_flags: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.plane = ControlPlane(folder, apiserver_flags=(_CLEAN_FAST, *apiserver_flags))
        account = "system:serviceaccount:agentschedule-system"
        groups = ("system:serviceaccounts", "system:serviceaccounts:agentschedule-system")
        self.user_name = f"{account}:agentschedule-operator"
        self.kubeconfig = self.plane.user(self.user_name, groups)
        self.admin = Api(self.plane.kubeconfig)
        self.user = Api(self.kubeconfig)
        self._numbers = itertools.count()
        self._operators: list[OperatorProcess] = []
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            self._stack.enter_context(self.plane)
            self._stack.callback(self._kill)
            self.plane.apply_crds()
            self.plane.kubectl("create", "namespace", bodies.NAMESPACE)
            for manifest in yaml.safe_load_all((ROOT / "manifests" / "install.yaml").read_text()):
                if manifest["kind"].startswith("ClusterRole"):
                    self.plane.kubectl("create", "-f", "-", manifest=manifest)
            await self._stack.enter_async_context(self.admin)
            await self._stack.enter_async_context(self.user)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
        if error is None:  # else its logs may tell why
            shutil.rmtree(self.folder)

    def operator(self, **settings: str) -> OperatorProcess:
        """An operator as users run it, not started. Settings are the defaults but for these."""
        log = self.folder / f"operator-{next(self._numbers)}.log"
        settings = {"orphan_grace": "300", "min_interval": "60"} | settings
        self._operators.append(OperatorProcess(self.kubeconfig, log, [], **settings))
        return self._operators[-1]

    def arrivals(self) -> Arrivals:
        """A watch of Jobs, as a context."""
        return Arrivals(self.plane.kubeconfig, self.folder / f"arrivals-{next(self._numbers)}")

    async def create_schedules(self, schedules: list[bytes]) -> None:
        """Create AgentSchedules, fast."""
        await self.admin.create_all(bodies.SCHEDULES, schedules, 32)

    async def clear(self) -> None:
        """Delete everything that contenders make."""
        for path in (bodies.SCHEDULES, bodies.CRON_JOBS, bodies.JOBS):
            await self.admin.clear(path)

    def _kill(self) -> None:
        for operator in self._operators:
            operator.kill()


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used so far, in user mode and in the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident(pid: int) -> float:
    """Resident memory of a process, in MiB."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


async def quiet(pid: int, seconds: float = 2.0) -> None:
    """Wait until a process has had next to nothing to do for so long."""
    if not await comes_to_rest(pid, seconds, _PATIENCE):
        raise RuntimeError(f"process {pid} does not come to rest")


async def comes_to_rest(pid: int, seconds: float, patience: float) -> bool:
    """Wait until it has had next to nothing to do for so long, but no longer than `patience`; whether it has."""
    deadline = time.monotonic() + patience
    since, before = time.monotonic(), cpu(pid)
    while time.monotonic() < deadline:
        await asyncio.sleep(0.5)
        now = cpu(pid)
        if now - before > _QUIET / 2:
            since = time.monotonic()
        elif time.monotonic() - since >= seconds:
            return True
        before = now
    return False


async def until(what: str, look: Callable[[], bool], seconds: float = _PATIENCE) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {seconds} s in vain for: {what}")
        await asyncio.sleep(0.1)


async def sleep_until(moment: datetime) -> None:
    """Wait until the wall clock shows this."""
    await asyncio.sleep(max(0.0, moment.timestamp() - time.time()))


def full_minute(seconds: float) -> datetime:
    """The first full minute that is at least so far ahead."""
    least = datetime.now(UTC) + timedelta(seconds=seconds)
    return (least + timedelta(minutes=1, microseconds=-1)).replace(second=0, microsecond=0)
