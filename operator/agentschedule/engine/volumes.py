"""Session volumes: made, or taken again where one of that name is there already."""

from datetime import datetime, timedelta

from agentschedule.cluster.errors import ApiError
from agentschedule.engine.ports import Cluster, Raw
from agentschedule.planning.observed import VolumeState
from agentschedule.runs.volume import claim_changes, claim_problem

KIND = "persistentvolumeclaims"


def asked_for(known: VolumeState | None, generation: int, now: datetime) -> VolumeState:
    """Under way. Trouble lasts until it is known to be over."""
    return VolumeState("InFlight", generation, now, known.message if known is not None else "")


def not_to_be_had(error: ApiError, generation: int, now: datetime, failures: int) -> VolumeState:
    """A try failed, the so-many-th in a row; the next one waits longer."""
    wait = error.wait(failures + 1)
    return VolumeState("Problem", generation, now, error.message or error.reason, now + timedelta(seconds=wait))


async def ensure_claim(cluster: Cluster, manifest: Raw) -> None:
    """Have this claim, with this owner. Raises `ApiError`, with words for people, where that cannot be."""
    try:
        await cluster.create_claim(manifest)
    except ApiError as error:
        if error.status != 409:
            raise
        await _take(cluster, manifest)


async def _take(cluster: Cluster, manifest: Raw) -> None:
    namespace, name = manifest["metadata"]["namespace"], manifest["metadata"]["name"]
    found = await cluster.read(KIND, namespace, name)
    if found is None:
        raise ApiError(409, "Conflict", f"PersistentVolumeClaim {name} was deleted just now", retry_after=1)
    problem = claim_problem(found, manifest)
    if problem is not None:
        raise ApiError(409, "Conflict", problem)
    changes = claim_changes(found, manifest)
    if changes is not None:
        await cluster.patch(KIND, namespace, name, changes)
