"""All cases that hold, in the order of the page."""

from .clock_changes import CLOCK_CHANGES
from .concurrency import CONCURRENCY
from .due import DAYS_AND_INTERVALS
from .failures import FAILURES
from .missed import MISSED
from .model import Case, Group
from .refused import REFUSED
from .stopping import STOPPING
from .traces import TRACES

GROUPS: tuple[Group, ...] = (
    CLOCK_CHANGES,
    DAYS_AND_INTERVALS,
    REFUSED,
    MISSED,
    CONCURRENCY,
    FAILURES,
    STOPPING,
    TRACES,
)
CASES: tuple[Case, ...] = tuple(case for group in GROUPS for case in group.cases)
