"""`AgentSchedule.spec.session` and `.heartbeat`: what one run hands on to the next."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from agentschedule.api.fields import Model, rule, schema

_FIXED = (
    "size, storageClassName and accessModes of a session's volume cannot be changed: to have another one, set another"
    " session.mode, delete the PersistentVolumeClaim, then set it anew; to enlarge it, edit the PersistentVolumeClaim"
)


class SessionStorage(Model):
    """The volume that all runs share, as a PersistentVolumeClaim named after the schedule, with -session."""

    model_config = ConfigDict(
        json_schema_extra=schema(
            rule("self.size == oldSelf.size", _FIXED, fieldPath=".size"),
            rule(
                "has(self.storageClassName) == has(oldSelf.storageClassName)"
                " && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",
                _FIXED,
                fieldPath=".storageClassName",
            ),
            rule("self.accessModes == oldSelf.accessModes", _FIXED, fieldPath=".accessModes"),
        )
    )

    size: Annotated[
        str | int,
        Field(
            json_schema_extra=schema(
                rule(
                    "type(self) == int ? self > 0 : (isQuantity(self) && quantity(self).isGreaterThan(quantity('0')))",
                    "must be a quantity above zero, such as 512Mi or 10Gi",
                ),
                x_int_or_string=True,
                maxLength=32,
            )
        ),
    ]
    """How much it holds, such as 1Gi."""
    storage_class_name: Annotated[str | None, Field(max_length=253)] = None
    """Storage class that makes it. Default: the cluster's; an empty text takes a volume that is there already."""
    access_modes: list[Literal["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"]] = Field(
        default=["ReadWriteOnce"], min_length=1, max_length=3, json_schema_extra=schema(x_list_type="atomic")
    )
    """How it can be mounted: ReadWriteOnce, ReadWriteOncePod, ReadWriteMany."""
    retention: Literal["Retain", "Delete"] = "Retain"
    """What becomes of it when the schedule is deleted. Retain: it is kept, and taken again by a schedule of that name.
    Delete: it goes too."""


class Session(Model):
    """What one run hands on to the next."""

    model_config = ConfigDict(
        json_schema_extra=schema(
            rule(
                "!has(self.mode) || self.mode != 'SharedPersistent' || has(self.storage)",
                "session.mode SharedPersistent needs session.storage, for instance storage: {size: 1Gi}",
                reason="FieldValueRequired",
                fieldPath=".storage",
            ),
            rule(
                "!has(self.storage) || (has(self.mode) && self.mode == 'SharedPersistent')",
                "session.storage is for session.mode SharedPersistent only: set that mode, or leave it out",
                fieldPath=".storage",
            ),
        )
    )

    mode: Literal["EphemeralWithSummary", "SharedPersistent", "FullyEphemeral"] = "EphemeralWithSummary"
    """EphemeralWithSummary: a fresh container whose context carries the previous run's summary and state.
    SharedPersistent: also the same volume at every run (AGENT_SESSION_DIR). FullyEphemeral: nothing is carried."""
    storage: SessionStorage | None = None
    """The volume of SharedPersistent."""


class Heartbeat(Model):
    """The agent looks, acts and sleeps at every run."""

    max_iterations: Annotated[int | None, Field(ge=1, le=1_000_000)] = None
    """The schedule is Complete after this many scheduled runs. Default: no limit."""
