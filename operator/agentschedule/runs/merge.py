"""Laying a partial pod or Job template over another, and what such a template may not say."""

from typing import Any

from agentschedule.constants import AGENT_CONTAINER, GROUP, SESSION_DIR, SESSION_VOLUME

# Keys by which the API server itself merges these lists (k8s.io/api, patchMergeKey).
_MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "ports": "containerPort",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "resourceClaims": "name",
}
# An entry of these is one of several kinds (a volume is an emptyDir or a Secret): laid over, it replaces.
_WHOLE = {"volumes", "env"}

_OWNED_JOB_FIELDS = (
    "backoffLimit",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
    "parallelism",
    "completions",
    "completionMode",
    "suspend",
    "ttlSecondsAfterFinished",
    "podFailurePolicy",
    "podReplacementPolicy",
    "successPolicy",
    "activeDeadlineSeconds",
    "selector",
    "manualSelector",
    "managedBy",
)
_OWNED_POD_FIELDS = ("restartPolicy", "activeDeadlineSeconds")


def overlay(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` laid over `base`: maps merged, lists of named things merged by name, others replaced, null removes."""
    merged = dict(base)
    for key, value in over.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = overlay(merged[key], value)
        elif isinstance(value, list) and isinstance(merged.get(key), list) and key in _MERGE_KEYS:
            merged[key] = _merge_named(merged[key], value, _MERGE_KEYS[key], whole=key in _WHOLE)
        else:
            merged[key] = value
    return merged


def _merge_named(base: list[Any], over: list[Any], key: str, *, whole: bool) -> list[Any]:
    """Entries of `base` in their order, each with its namesake of `over` laid over it, then the new ones."""
    named = {_name(entry, key): entry for entry in over}
    merged: list[Any] = []
    for entry in base:
        mate = named.pop(_name(entry, key), None)
        merged.append(entry if mate is None else mate if whole else overlay(entry, mate))
    return merged + [entry for entry in over if _name(entry, key) in named]


def _name(entry: object, key: str) -> str:
    """By what an entry is known; what has no usable name is a thing of its own."""
    name = entry.get(key) if isinstance(entry, dict) else None
    return repr(name) if isinstance(name, str | int) else f"unnamed {id(entry)}"


def forbidden(template: dict[str, Any]) -> list[str]:
    """What a jobTemplate says that the operator owns: one sentence each, with the path of the field."""
    problems = _metadata_problems(template.get("metadata"), "spec.jobTemplate.metadata")
    problems += [
        f"spec.jobTemplate.{key} is not a field of a job template: give metadata and spec"
        for key in template
        if key not in {"metadata", "spec"}
    ]
    job = _map(template, "spec", "spec.jobTemplate", problems)
    problems += [
        f"spec.jobTemplate.spec.{key} is set by the operator{_instead(key)}" for key in _OWNED_JOB_FIELDS if key in job
    ]
    pod_template = _map(job, "template", "spec.jobTemplate.spec", problems)
    problems += _metadata_problems(pod_template.get("metadata"), "spec.jobTemplate.spec.template.metadata")
    path = "spec.jobTemplate.spec.template.spec"
    pod = _map(pod_template, "spec", "spec.jobTemplate.spec.template", problems)
    problems += [f"{path}.{key} is set by the operator{_instead(key)}" for key in _OWNED_POD_FIELDS if key in pod]
    problems += _list_problems(pod, ("volumes",), path)
    if "containers" in pod and pod["containers"] is None:
        problems.append(f"{path}.containers cannot be removed")
    for kind in ("containers", "initContainers"):
        problems += _container_problems(pod.get(kind), f"{path}.{kind}")
    return problems


def forbidden_in_session(template: dict[str, Any]) -> list[str]:
    """What a jobTemplate without other problems says of the volume that a SharedPersistent session brings along."""
    path = "spec.jobTemplate.spec.template.spec"
    pod = ((template.get("spec") or {}).get("template") or {}).get("spec") or {}
    problems = [
        f"{path}.volumes: the volume {SESSION_VOLUME} is set by the operator (session.mode SharedPersistent)"
        for volume in pod.get("volumes") or ()
        if volume.get("name") == SESSION_VOLUME
    ]
    agents = [c for c in pod.get("containers") or () if c.get("name") == AGENT_CONTAINER]
    return problems + [
        f"{path}.containers[{AGENT_CONTAINER}].volumeMounts: {SESSION_DIR} is set by the operator"
        " (session.mode SharedPersistent)"
        for container in agents
        for mount in container.get("volumeMounts") or ()
        if str(mount.get("mountPath", "")).rstrip("/") == SESSION_DIR
    ]


def _instead(field: str) -> str:
    return {
        "backoffLimit": ": use spec.retry.limit",
        "activeDeadlineSeconds": ": use spec.activeDeadlineSeconds",
        "ttlSecondsAfterFinished": ": use spec.ttlSecondsAfterFinished",
        "suspend": ": use spec.suspend",
        "parallelism": ": use spec.maxConcurrentRuns",
    }.get(field, "")


def _map(parent: dict[str, Any], key: str, path: str, problems: list[str]) -> dict[str, Any]:
    value = parent.get(key, {})
    if isinstance(value, dict):
        return value
    problems.append(f"{path}.{key} must be an object")
    return {}


def _metadata_problems(metadata: object, path: str) -> list[str]:
    if metadata is None:
        return []
    if not isinstance(metadata, dict):
        return [f"{path} must be an object"]
    problems = [
        f"{path}.{key} is set by the operator"
        for key in ("name", "generateName", "namespace", "ownerReferences", "finalizers")
        if key in metadata
    ]
    for kind in ("labels", "annotations"):
        entries = metadata.get(kind, {})
        if entries is None:
            continue
        if not isinstance(entries, dict):
            problems.append(f"{path}.{kind} must be an object")
            continue
        problems += [
            f"{path}.{kind}: {key} belongs to the operator"
            for key in entries
            if key.startswith((f"{GROUP}/", "app.kubernetes.io/managed-by")) or "batch.kubernetes.io/" in key
        ]
    return problems


def _container_problems(containers: object, path: str) -> list[str]:
    if containers is None:
        return []
    if not isinstance(containers, list) or not all(isinstance(c, dict) for c in containers):
        return [f"{path} must be a list of containers"]
    problems: list[str] = []
    for container in containers:
        name = container.get("name")
        if not isinstance(name, str) or not name:
            problems.append(f"{path}: every container needs a name (the agent's is {AGENT_CONTAINER})")
        if name == AGENT_CONTAINER:
            problems += [
                f"{path}[{AGENT_CONTAINER}].{key} is set by the operator"
                for key in ("terminationMessagePath", "terminationMessagePolicy")
                if key in container
            ]
        malformed = _list_problems(container, ("env", "volumeMounts"), f"{path}[{name}]")
        problems += malformed or [
            f"{path}[{name}].env: {entry['name']} is set by the operator (AGENT_… belongs to it)"
            for entry in container.get("env") or ()
            if str(entry.get("name", "")).startswith("AGENT_")
        ]
    return problems


def _list_problems(parent: dict[str, Any], keys: tuple[str, ...], path: str) -> list[str]:
    return [
        f"{path}.{key} must be a list of objects"
        for key in keys
        if parent.get(key) is not None
        and not (isinstance(parent[key], list) and all(isinstance(entry, dict) for entry in parent[key]))
    ]
