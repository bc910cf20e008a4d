"""Who made and changed a schedule: what the annotations become, and which requests can be refused at all."""

from typing import Any

import pytest

from agentschedule.webhook.stamps import differing, is_judged, stamps

BY = ("agentschedule.dev/created-by", "agentschedule.dev/changed-by")


def raw(spec: dict[str, Any] | None = None, by: tuple[str, str] | None = None, **meta: Any) -> dict[str, Any]:
    notes = {"annotations": dict(zip(BY, by, strict=True))} if by else {}
    return {"metadata": {"name": "news", **notes, **meta}, "spec": spec or {"schedule": "0 9 * * *"}}


OLD = raw(by=("alice", "bob"))
SUSPENDED = {"schedule": "0 9 * * *", "suspend": True}
OTHER = {"schedule": "0 10 * * *"}


@pytest.mark.parametrize(
    ("old", "new", "become"),
    [
        pytest.param(None, raw(), ("mallory", "mallory"), id="made"),
        pytest.param(None, raw(by=("alice", "bob")), ("mallory", "mallory"), id="made with a claim"),
        pytest.param(OLD, raw(), ("alice", "bob"), id="taken away"),
        pytest.param(OLD, raw(by=("mallory", "mallory")), ("alice", "bob"), id="forged"),
        pytest.param(OLD, raw(OTHER), ("alice", "mallory"), id="spec changed"),
        pytest.param(OLD, raw(SUSPENDED, by=("alice", "bob")), ("alice", "mallory"), id="suspended"),
        pytest.param(raw(), raw(by=("mallory", "x")), (None, None), id="claimed of one that was there before"),
    ],
)
def test_what_the_stamps_become(old: Any, new: Any, become: tuple[str | None, str | None]) -> None:
    wanted = stamps(old, new, "mallory")
    assert tuple(wanted[name] for name in BY) == become
    notes = {**new["metadata"].get("annotations", {}), **differing(new, wanted)}
    assert tuple(notes.get(name) for name in BY) == become


def test_nothing_is_set_that_is_so_already() -> None:
    assert differing(OLD, stamps(OLD, OLD, "mallory")) == {}


@pytest.mark.parametrize(
    ("old", "new", "judged"),
    [
        pytest.param(None, raw(), True, id="made"),
        pytest.param(OLD, raw(OTHER), True, id="changed"),
        pytest.param(OLD, raw(labels={"team": "a"}), False, id="labelled"),
        pytest.param(OLD, raw(SUSPENDED), False, id="suspended"),
        pytest.param(raw(SUSPENDED), raw(), False, id="resumed"),
        pytest.param(OLD, raw({**OTHER, "suspend": True}), True, id="suspended and changed"),
        pytest.param(OLD, raw(OTHER, deletionTimestamp="2026-11-23T09:00:00Z"), False, id="being deleted"),
    ],
)
def test_which_requests_can_be_refused(old: Any, new: Any, judged: bool) -> None:
    assert is_judged(old, new) is judged
