"""The people of the simulation: what they create, edit, annotate and delete."""

from typing import Any

from agentschedule.constants import ANNOTATION_RESUME, ANNOTATION_SKIP, LABEL_SCHEDULE, LABEL_SCHEDULE_UID
from agentschedule.runs.names import job_name, parse_time

from .cluster import FakeCluster

Raw = dict[str, Any]

NAMESPACE = "team-a"


class Users:
    """They do as they like, through the API server, whatever becomes of the operator."""

    cluster: FakeCluster

    def log(self, text: str) -> None:
        """A line of the story."""
        raise NotImplementedError

    def apply(self, name: str, spec: Raw, namespace: str = NAMESPACE) -> Raw:
        """Create a schedule, or give the one of that name another spec."""
        self.log(f"kubectl apply {name}: {spec}")
        given = {"agent": {"image": "agent:1"}, **spec}
        old = self.cluster.get("agentschedules", namespace, name)
        if old is None:
            metadata = {**_named(name), "namespace": namespace}
            return self.cluster.add("agentschedules", {"metadata": metadata, "spec": given})
        gone = {key: None for key in old["spec"] if key not in given}
        return self.cluster.patch("agentschedules", namespace, name, {"spec": {**gone, **given}})

    def policy(self, name: str, spec: Raw | None) -> None:
        """The administrator creates or replaces an AgentPolicy; None deletes it."""
        self.log(f"AgentPolicy {name}: {spec}")
        old = self.cluster.get("agentpolicies", "", name)
        if spec is None:
            self.cluster.delete("agentpolicies", "", name, None, "Background")
        elif old is None:
            self.cluster.add("agentpolicies", {"metadata": {**_named(name), "namespace": ""}, "spec": spec})
        else:
            gone = {key: None for key in old["spec"] if key not in spec}
            self.cluster.patch("agentpolicies", "", name, {"spec": {**gone, **spec}})

    def label_namespace(self, **labels: str | None) -> None:
        """Give the namespace labels."""
        if self.cluster.get("namespaces", "", NAMESPACE) is None:
            self.cluster.add("namespaces", {"metadata": {**_named(NAMESPACE), "namespace": ""}})
        self.cluster.patch("namespaces", "", NAMESPACE, {"metadata": {"labels": labels}})

    def edit(self, name: str, spec: Raw) -> None:
        """Change some fields of a schedule's spec."""
        self._patch(name, {"spec": spec})

    def annotate(self, name: str, notes: dict[str, str | None]) -> None:
        self._patch(name, {"metadata": {"annotations": notes}})

    def resume(self, name: str, hold: str | None = None) -> None:
        """Set the annotation that ends the present hold, or the one of that id."""
        present = ((self.cluster.get("agentschedules", NAMESPACE, name) or {}).get("status") or {}).get("hold")
        if hold is not None or present is not None:
            self.annotate(name, {ANNOTATION_RESUME: hold or (present or {})["id"]})

    def skip_next(self, name: str) -> None:
        """Set the annotation that takes the next slot out."""
        status = (self.cluster.get("agentschedules", NAMESPACE, name) or {}).get("status") or {}
        if "nextRunTime" in status:
            self.annotate(name, {ANNOTATION_SKIP: status["nextRunTime"]})

    def delete(self, kind: str, name: str, propagation: str = "Background") -> None:
        if self.cluster.get(kind, NAMESPACE, name) is not None:
            self.log(f"kubectl delete {kind} {name} --cascade={propagation.lower()}")
            self.cluster.delete(kind, NAMESPACE, name, None, propagation)

    def run_now(self, name: str, schedule: str) -> None:
        """Create an AgentRun."""
        if self.cluster.get("agentruns", NAMESPACE, name) is None:
            self.log(f"kubectl create AgentRun {name} of {schedule}")
            self.cluster.add("agentruns", {"metadata": _named(name), "spec": {"scheduleName": schedule}})

    def squat(self, schedule: str) -> None:
        """Create a Job of the name that the schedule's next run will have."""
        raw = self.cluster.get("agentschedules", NAMESPACE, schedule) or {}
        slot = parse_time((raw.get("status") or {}).get("nextRunTime"))
        name = job_name(schedule, slot, 1) if slot else ""
        if name and self.cluster.get("jobs", NAMESPACE, name) is None:
            self.log(f"kubectl create job {name}")
            self.cluster.add("jobs", {"metadata": {**_named(name), "labels": {}}, "spec": {}, "status": {}})

    def waiting(self) -> list[str]:
        """Names of the AgentApprovals that nobody has decided on and that are not given up."""
        return [
            raw["metadata"]["name"]
            for raw in self.cluster.items("agentapprovals")
            if "decision" not in raw["spec"] and (raw.get("status") or {}).get("phase") in {None, "Waiting"}
        ]

    def decide(self, name: str, decision: str = "Approved", by: str = "alice") -> None:
        """An approver decides."""
        self.log(f"{by}: {name} is {decision}")
        self.cluster.patch("agentapprovals", NAMESPACE, name, {"spec": {"decision": decision, "decidedBy": by}})

    def forge_approval(self, schedule: str, *, claims: bool) -> None:
        """Create an approved AgentApproval of the name that the schedule's next run will have."""
        raw = self.schedule(schedule)
        slot = parse_time((raw.get("status") or {}).get("nextRunTime"))
        assert slot is not None
        uid = raw["metadata"]["uid"]
        owner = {"kind": "AgentSchedule", "name": schedule, "uid": uid}
        labels = {LABEL_SCHEDULE: schedule, LABEL_SCHEDULE_UID: uid}
        own = {"labels": labels, "ownerReferences": [owner]} if claims else {}
        metadata = {**_named(job_name(schedule, slot, 1)), **own}
        spec = {"digest": "forged", "budgetUSD": "100", "decision": "Approved", "decidedBy": "alice"}
        self.log(f"somebody creates AgentApproval {metadata['name']}")
        self.cluster.add("agentapprovals", {"metadata": metadata, "spec": spec})

    def schedule(self, name: str) -> Raw:
        raw = self.cluster.get("agentschedules", NAMESPACE, name)
        if raw is None:
            raise AssertionError(f"there is no schedule {name}")
        return raw

    def status(self, name: str) -> Raw:
        status: Raw = self.schedule(name).get("status") or {}
        return status

    def _patch(self, name: str, body: Raw) -> None:
        if self.cluster.get("agentschedules", NAMESPACE, name) is not None:
            self.log(f"kubectl patch {name}: {body}")
            self.cluster.patch("agentschedules", NAMESPACE, name, body)


def _named(name: str) -> Raw:
    return {"name": name, "namespace": NAMESPACE}
