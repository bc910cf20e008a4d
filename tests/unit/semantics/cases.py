"""All cases, in the order of the page."""

from .blackouts import BLACKOUTS
from .budgets import BUDGET
from .clock_changes import CLOCK_CHANGES
from .concurrency import CONCURRENCY
from .due import DAYS_AND_INTERVALS
from .ends import ENDS, NEVER_STARTED
from .failures import FAILURES
from .holds import DEAD_LETTER, HOLDS
from .missed import MISSED
from .model import Case, Group
from .refused import REFUSED
from .stopping import STOPPING
from .traces import TRACES
from .waiting import CEILINGS, QUEUE

GROUPS: tuple[Group, ...] = (
    CLOCK_CHANGES,
    DAYS_AND_INTERVALS,
    REFUSED,
    MISSED,
    BLACKOUTS,
    CONCURRENCY,
    QUEUE,
    CEILINGS,
    FAILURES,
    NEVER_STARTED,
    HOLDS,
    DEAD_LETTER,
    BUDGET,
    ENDS,
    STOPPING,
    TRACES,
)
CASES: tuple[Case, ...] = tuple(case for group in GROUPS for case in group.cases)
