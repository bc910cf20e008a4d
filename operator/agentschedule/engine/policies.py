"""AgentPolicies and namespaces as they are watched, and what they come to in each namespace."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from agentschedule.policy.effective import Ceilings, Effective, Policy, effective
from agentschedule.policy.reading import read_policy
from agentschedule.runs.facts import version_of


class _Seen(NamedTuple):
    version: int
    uid: str
    policy: Policy


class Policies:
    """What administrators allow; `fixed` comes out of a file. A change returns whether anything is different now."""

    def __init__(self, ceilings: Ceilings, fixed: Sequence[Policy] = ()) -> None:
        self._ceilings = ceilings
        self._fixed = fixed
        self._policies: dict[str, _Seen] = {}
        self._labels: dict[str, tuple[int, dict[str, str]]] = {}
        self._known: dict[str, Effective] = {}

    def of(self, namespace: str) -> Effective:
        """What holds in a namespace."""
        known = self._known.get(namespace)
        if known is None:
            known = self._known[namespace] = self._made(namespace)
        return known

    def _made(self, namespace: str) -> Effective:
        policies = [*self._fixed, *(seen.policy for seen in tuple(self._policies.values()))]
        _, labels = self._labels.get(namespace, (0, {}))
        return effective(policies, namespace, labels, self._ceilings)

    def peek(self, namespace: str) -> Effective:
        """The same, for another thread: nothing is kept, so that nothing outdated is."""
        return self._known.get(namespace) or self._made(namespace)

    def put(self, raw: dict[str, Any]) -> bool:
        """An AgentPolicy was seen."""
        name, version = raw["metadata"]["name"], version_of(raw)
        known = self._policies.get(name)
        if known is not None and known.version >= version:
            return False
        policy = read_policy(raw)
        self._policies[name] = _Seen(version, raw["metadata"]["uid"], policy)
        return self._changed(known is None or known.policy != policy)

    def drop(self, raw: dict[str, Any]) -> bool:
        """An AgentPolicy is gone."""
        known = self._policies.get(raw["metadata"]["name"])
        if known is None or known.uid != raw["metadata"]["uid"]:
            return False
        del self._policies[raw["metadata"]["name"]]
        return self._changed(True)

    def listed(self, present: Collection[str], version: int) -> bool:
        """All AgentPolicies were listed: others than those with these UIDs that are not newer are gone."""
        gone = [name for name, s in self._policies.items() if s.uid not in present and s.version <= version]
        for name in gone:
            del self._policies[name]
        return self._changed(bool(gone))

    def put_namespace(self, raw: dict[str, Any]) -> bool:
        """A namespace was seen."""
        name, version, labels = raw["metadata"]["name"], version_of(raw), raw["metadata"].get("labels") or {}
        known = self._labels.get(name)
        if known is not None and known[0] >= version:
            return False
        self._labels[name] = (version, labels)
        if known is not None and known[1] == labels:
            return False
        before = self._known.pop(name, None)
        return before is not None and before != self.of(name)

    def drop_namespace(self, raw: dict[str, Any]) -> None:
        """A namespace is gone."""
        self._labels.pop(raw["metadata"]["name"], None)
        self._known.pop(raw["metadata"]["name"], None)

    def _changed(self, changed: bool) -> bool:
        if changed:
            self._known.clear()
        return changed
