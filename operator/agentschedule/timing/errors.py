"""What a schedule that cannot be used raises."""


class TimingError(ValueError):
    """A timing field has a value that cannot be used; the message says what is wrong and what to do instead.

    ``field`` is the field's path in the resource ("spec.schedule", "spec.schedules[2]"); the message starts with it.
    """

    field: str

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


class CronError(ValueError):
    """What is wrong with a cron expression, before it is known in which field of the resource it stands."""
