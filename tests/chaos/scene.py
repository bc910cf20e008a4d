"""One fault's scene: a namespace with schedules and an operator, what is done to them, and what came of it."""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.chaos.api import JOBS, NAMESPACES, PODS, SCHEDULES, Api, at_once
from tests.chaos.history import History
from tests.chaos.ledger import Account, Grid, account, epoch, slot_of
from tests.chaos.pod import Pod

ON_TIME = 1.0
"""Seconds after which a Job is not in time, on a machine that has much else to do; in a burst, until the next one."""
CALM = 2.0
"""Seconds without trouble that are taken for normal."""
PROMISE = 10.0
"""Seconds after a fault's end within which everything is normal again."""
PATIENCE = 90.0
"""Seconds for statuses to come to rest."""

_FOR_THE_CLUSTER = 15.0

Raw = dict[str, Any]


@dataclass
class Outcome:
    """What came of a fault; `back` is the longest time in seconds back to normal after it."""

    fault: str
    done: str
    due: int = 0
    runs: int = 0
    skips: int = 0
    doubles: int = 0
    lost: int = 0
    strays: int = 0
    """Slots that ran and are told as skipped, too."""
    back: float = 0.0


class Scene:
    """The stage of one test."""

    def __init__(self, api: Api, history: History, folder: Path, kubeconfig: Path, namespace: str) -> None:
        self.api, self.history, self.namespace = api, history, namespace
        self.outcome = Outcome("", "")
        self.on_time = ON_TIME
        self.ahead = 0.0
        """How many seconds the operator's clock is ahead."""
        self._folder, self._kubeconfig = folder, kubeconfig
        self._pods: list[Pod] = []
        self._watched: dict[str, Grid] = {}
        self._ended: float | None = None
        self.make_namespace(namespace)

    # The stage

    def make_namespace(self, name: str) -> None:
        """A namespace, whose pods need no rights."""
        self.api.create(NAMESPACES, {"metadata": {"name": name}})

    def sow(self, name: str, number: int, *, watched: bool = False, namespace: str = "", **spec: Any) -> list[str]:
        """Create schedules of the same spec; returns their names. Those `watched` tell whether things are normal."""
        names = [f"{name}-{n}" for n in range(number)]

        def make(name: str) -> None:
            agent = {"image": "example.com/agent:1"}
            whole = {"agent": agent, "pauseAfterFailures": 0, "runHistoryLimit": 100, **spec}
            whole = {field: value for field, value in whole.items() if value is not None}
            body = {
                "apiVersion": "agentschedule.dev/v1alpha1",
                "kind": "AgentSchedule",
                "metadata": {"name": name},
                "spec": whole,
            }
            raw = self.api.create(SCHEDULES.format(namespace or self.namespace), body)
            if watched:
                self._watched[name] = Grid.of(raw)

        at_once(make, names)
        return names

    def sow_kinds(self, number: int = 2) -> None:
        """Schedules of each kind that matters to what becomes of a slot that cannot start in time."""
        self.sow("steady", number, watched=True, every="1s", concurrencyPolicy="Allow")
        self.sow("strict", number, every="2s", concurrencyPolicy="Allow", catchUp="None", startingDeadlineSeconds=3)
        self.sow("every", number, every="3s", catchUp="All", catchUpLimit=100)
        self.sow("single", number, every="2s")

    def sow_burst(self, name: str, number: int, step: int) -> list[str]:
        """Schedules that are all due in the same second, each `step` seconds. Their history is as long as users' is."""
        self.on_time = step
        start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() // step * step - step))
        spec: Raw = {"every": f"{step}s", "startTime": start, "concurrencyPolicy": "Allow", "runHistoryLimit": None}
        return self.sow(name, number, watched=True, **spec)

    def operator(
        self,
        kubeconfig: Path | None = None,
        environment: Mapping[str, str] | None = None,
        *,
        wait: bool = True,
        settings: Mapping[str, str] | None = None,
    ) -> Pod:
        """An operator, started and kept."""
        log = self._folder / f"operator-{len(self._pods)}.log"
        pod = Pod(kubeconfig or self._kubeconfig, log, [self.namespace], environment, **(settings or {}))
        self._pods.append(pod)
        pod.start(wait=wait)
        return pod

    def connect(self, url: str, token: str = "", token_file: Path | None = None) -> Path:
        """A kubeconfig for a proxy."""
        path = self._folder / f"{urlsplit(url).port}.kubeconfig"
        user = {"tokenFile": str(token_file)} if token_file else {"token": token or "proxied"}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "proxy", "cluster": {"server": url}}],
            "users": [{"name": "user", "user": user}],
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "user"}}],
            "current-context": "proxy",
        }
        path.write_text(json.dumps(content))
        return path

    def close(self) -> None:
        """End the operators."""
        for pod in self._pods:
            pod.close()

    # The play

    def settle_in(self) -> None:
        """Wait until the watched schedules run."""
        runs = {name: 2 if grid.step == 1 else 1 for name, grid in self._watched.items()}
        self.wait("first runs", lambda: all(len(self.slots(name)) >= least for name, least in runs.items()), 30)

    def forget_watched(self) -> None:
        """Those sown so far tell no more whether things are normal."""
        self._watched.clear()

    @contextmanager
    def fault(self, fault: str, done: str) -> Iterator[None]:
        """What is done within is this fault; it ends with the context."""
        self.outcome.fault = self.outcome.fault or fault
        self.outcome.done = "; ".join(filter(None, (self.outcome.done, done)))
        yield
        self._ended = time.time()

    def normal_again(self) -> None:
        """Wait until everything is normal after the fault, which must not take longer than is promised."""
        ended = self._ended or time.time()
        longest = max(grid.step for grid in self._watched.values())
        deadline = ended + PROMISE + self.on_time + CALM + 2 * longest
        while True:
            seconds = self.seconds_to_normal(ended)
            if seconds is not None:
                self.outcome.back = max(self.outcome.back, seconds)
            if seconds is not None or time.time() > deadline:
                break
            self.history.wait(0.1)
        assert seconds is not None, f"not back to normal {PROMISE} s after the fault's end: {self._late(ended)}"
        assert seconds <= PROMISE, f"back to normal only after {seconds:.0f} s: {self._late(ended)}"

    def seconds_to_normal(self, ended: float) -> float | None:
        """How long it took until every watched slot had its Job in time again; None: that is not so yet."""
        until = time.time() - self.on_time
        late = self._late(ended)
        calm = max((slot - self.ahead + self._watched[name].step for name, slot in late), default=ended)
        seen = all(grid.between(calm + self.ahead, until + self.ahead) for grid in self._watched.values())
        return max(0.0, calm - ended) if seen and until - calm >= CALM else None

    def _late(self, since: float) -> list[tuple[str, int]]:
        """The watched slots that were due since then and had no Job in time: by schedule."""
        created = self.history.created(self.namespace)
        now = time.time()
        late = []
        for name, grid in self._watched.items():
            for slot in grid.between(since + self.ahead, now + self.ahead - self.on_time):
                due = slot - self.ahead
                at = created.get(f"{name}-{slot}", [math.inf])[0]
                if at > due + self.on_time:
                    late.append((name, slot))
        return late

    # The reckoning

    def check(self, *, strays: bool = False, refused: bool = False) -> None:
        """Wait for a normal course, bring all schedules to rest, and account for every slot of theirs."""
        self.normal_again()
        self.reckon(strays=strays, refused=refused)

    def reckon(self, *, strays: bool = False, refused: bool = False) -> None:
        """Bring all schedules to rest, and account for every slot of theirs.

        `strays`: a request that was given up may have been carried out late, when its slot was skipped already.
        `refused`: the schedules could not be accepted at first; slots up to then were not due.
        """
        through = time.time() + self.ahead - self.on_time
        path = SCHEDULES.format(self.namespace)
        names = [raw["metadata"]["name"] for raw in self.api.items(path)]
        at_once(lambda name: self.api.patch(f"{path}/{name}", {"spec": {"suspend": True}}), names)
        self._wait_for_rest(path)
        self.history.catch_up()
        created = {job: len(times) for job, times in self.history.created(self.namespace).items()}
        told = Account()
        for raw in self.api.items(path):
            told.add(account(raw, created, through, _effective_since(raw) if refused else 0))
        self.outcome.strays = told.strays
        self.outcome.due, self.outcome.runs, self.outcome.skips = told.due, told.ran, told.skipped
        self.outcome.doubles, self.outcome.lost = told.doubles, told.lost
        assert not told.problems, "\n".join(told.problems)
        assert strays or not told.strays, "slots ran that are told as skipped"
        assert told.due > 0

    def _wait_for_rest(self, path: str) -> None:
        """What the cluster's own parts do not come back to after the fault is removed, so that it ends."""
        begin, remedies = time.monotonic(), [self._delete_unfinished_jobs, self._delete_unscheduled_pods]
        while restless := [raw for raw in self.api.items(path) if not at_rest(raw)]:
            waited = time.monotonic() - begin
            assert waited < PATIENCE, f"not at rest after {PATIENCE} s: {json.dumps(restless[0]['status'])}"
            if remedies and waited > _FOR_THE_CLUSTER * (3 - len(remedies)):
                remedies.pop()()
            time.sleep(0.2)

    def _delete_unscheduled_pods(self) -> None:
        """After an error the scheduler leaves a pod alone for minutes. Its Job fails."""
        path = PODS.format(self.namespace)
        for raw in self.api.items(path):
            if not raw["spec"].get("nodeName"):
                self.api.delete(f"{path}/{raw['metadata']['name']}")

    def _delete_unfinished_jobs(self) -> None:
        """Their runs are cancelled."""
        path = JOBS.format(self.namespace)
        for raw in self.api.items(path):
            if not any(c["type"] in {"Complete", "Failed"} for c in raw["status"].get("conditions") or ()):
                self.api.delete(f"{path}/{raw['metadata']['name']}")

    def figures(self) -> Raw:
        """The outcome, for the table; `restarts`: how often the operator ended by itself, or was ended as unwell."""
        return {**asdict(self.outcome), "restarts": sum(pod.restarts for pod in self._pods)}

    # Helpers

    def jobs(self) -> list[str]:
        """Names of the Jobs that are there."""
        return [raw["metadata"]["name"] for raw in self.api.items(JOBS.format(self.namespace))]

    def slots(self, schedule: str) -> dict[int, list[float]]:
        """When Jobs of a schedule were created, by slot."""
        created = self.history.created(self.namespace)
        found = {job: slot_of(job) for job in created}
        return {slot[1]: created[job] for job, slot in found.items() if slot and slot[0] == schedule}

    def wait(self, what: str, look: Callable[[], object], seconds: float = PROMISE) -> None:
        """Look until it is so."""
        deadline = time.monotonic() + seconds
        while not look():
            assert time.monotonic() < deadline, f"waited {seconds} s in vain for: {what}"
            time.sleep(0.1)


def at_rest(schedule: Raw) -> bool:
    """Whether a suspended schedule's status has come to its end."""
    status = schedule.get("status") or {}
    suspended = any(c["type"] == "Suspended" and c["status"] == "True" for c in status.get("conditions") or ())
    current = status.get("observedGeneration") == schedule["metadata"]["generation"]
    return bool(suspended and current and not status.get("activeCount"))


def _effective_since(schedule: Raw) -> int:
    return epoch(schedule["status"]["scheduling"]["effectiveSince"])
