"""`status.skips`: slots that did not run, one entry for each reason and blackout, as few as a status has room for."""

from agentschedule.api.status import Skip

MAX_SKIPS = 10


def with_added(skips: list[Skip], added: Skip) -> list[Skip]:
    """The entries with one more. Where there are too many, those of blackouts lose their names and become one."""
    skips = _coalesced([*skips, added])
    while len(skips) > MAX_SKIPS and (named := next((skip for skip in skips if skip.name), None)):
        skips = _coalesced([*(s for s in skips if s is not named), named.model_copy(update={"name": None})])
    return skips[-MAX_SKIPS:]


def _coalesced(skips: list[Skip]) -> list[Skip]:
    """One entry for each reason and name: the last one takes in the earlier ones of its kind."""
    *earlier, last = skips
    for old in earlier:
        if (old.reason, old.name) == (last.reason, last.name):
            last = last.model_copy(
                update={
                    "count": old.count + last.count,
                    "first": min(old.first, last.first),
                    "last": max(old.last, last.last),
                }
            )
    return [s for s in earlier if (s.reason, s.name) != (last.reason, last.name)] + [last]
