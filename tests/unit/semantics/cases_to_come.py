"""Cases of behaviour that the contract promises and the operator does not have yet.

They are no part of the page. A group goes to its own file and into `GROUPS` as soon as its cases hold.
"""

from .model import Group
from .to_come_limits import BUDGET, ENDS, NEVER_STARTED
from .to_come_starts import BLACKOUTS, CATCH_UP_ALL, QUEUE
from .to_come_stops import DEAD_LETTER, HOLDS

GROUPS_TO_COME: tuple[Group, ...] = (
    CATCH_UP_ALL,
    QUEUE,
    BLACKOUTS,
    HOLDS,
    DEAD_LETTER,
    BUDGET,
    ENDS,
    NEVER_STARTED,
)
CASES_TO_COME = tuple(case for group in GROUPS_TO_COME for case in group.cases)
