"""Many schedules due in one second: Jobs a second, and how late the last one is."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from statistics import median

from tests.bench import bodies, contenders
from tests.bench.contenders import LIFTED, Burst
from tests.bench.figures import Goal, Line, short
from tests.bench.measure import Options, Result, say
from tests.bench.scene import Scene

RAW, OURS = "plain client", "operator"
CRON_LIFTED, CRON_DEFAULT = "CronJob controller, limits lifted", "CronJob controller, as it comes"
_LEVELS = (8, 16, 32, 64)
_WARM = 500


async def burst(options: Options) -> Result:
    """1,000 due at once: the operator, a plain client, and Kubernetes' CronJob controller in two settings."""
    size = options.size
    made = await _rounds(
        options,
        "burst",
        {
            **_plain(size, _LEVELS),
            OURS: lambda scene: contenders.ours(scene, size),
            CRON_LIFTED: lambda scene: contenders.cron_jobs(scene, size, LIFTED),
            CRON_DEFAULT: lambda scene: contenders.cron_jobs(scene, size, ()),
        },
    )
    result = Result(
        curves={who: sorted(late for one in bursts for late in one.lateness) for who, bursts in made.items()}
    )
    result.lines.append(_rate(made, size, 0.90))
    for reference, bound in ((CRON_DEFAULT, 60.0), (CRON_LIFTED, 2.5)):
        line = Line(
            measure=f"{size:,} due at once: the last Job's lateness",
            unit="s",
            ours=[one.last for one in made[OURS]],
            reference=reference,
            theirs=[one.last for one in made[reference]],
            relation="times",
            goal=Goal(bound=bound, at_least=True),
        )
        result.lines.append(line)
    return result


async def tenfold(options: Options) -> Result:
    """10,000 due at the same minute: the operator and a plain client; every slot's Job there once, and recorded."""
    size = 10 * options.size
    made = await _rounds(
        options,
        "tenfold",
        {
            **_plain(size, _LEVELS[1:3]),
            OURS: lambda scene: contenders.ours(scene, size),
        },
    )
    result = Result(lines=[_rate(made, size, 0.85)])
    for what in ("missing", "double", "not recorded"):
        counts = [one.detail[what] for one in made[OURS]]
        measure = f"{size:,} due at once: Jobs {what}" if what != "not recorded" else f"{size:,} due at once: {what}"
        result.lines.append(Line(measure=measure, unit="", ours=counts, goal=Goal(bound=0)))
    return result


async def _rounds(
    options: Options, name: str, takes: dict[str, Callable[[Scene], Awaitable[Burst]]]
) -> dict[str, list[Burst]]:
    """Each round on a fresh control plane, warmed up; all contenders one after the other, in another order."""
    made: dict[str, list[Burst]] = defaultdict(list)
    order = list(takes)
    for number in range(options.rounds):
        async with Scene(options.place(f"{name}-{number}")) as scene:
            warm = bodies.jobs(_WARM, datetime.now(UTC).replace(microsecond=0))
            await scene.user.create_all(bodies.JOBS, warm, 16)
            await scene.clear()
            for who in order[number % len(order) :] + order[: number % len(order)]:
                one = await takes[who](scene)
                made[who].append(one)
                say(f"{name}, round {number + 1}: {who}: {short(one.rate)} Jobs/s, the last {short(one.last)} s late")
                await scene.clear()
    return _best_of_plain(made)


def _plain(size: int, levels: Sequence[int]) -> dict[str, Callable[[Scene], Awaitable[Burst]]]:
    """A plain client, at each level of concurrency."""

    def at(level: int) -> Callable[[Scene], Awaitable[Burst]]:
        return lambda scene: contenders.raw(scene, size, level)

    return {f"{RAW}, {level} at once": at(level) for level in levels}


def _best_of_plain(made: dict[str, list[Burst]]) -> dict[str, list[Burst]]:
    """The level with the best median stands for all; the best of each round would be the luckiest."""
    plain = {who: bursts for who, bursts in made.items() if who.startswith(RAW)}
    best = max(plain, key=lambda who: median(one.rate for one in plain[who]))
    rates = {who: [one.rate for one in bursts] for who, bursts in plain.items()}
    chosen = [Burst(one.lateness, one.detail | {"rates": rates}) for one in plain[best]]
    return {RAW: chosen} | {who: bursts for who, bursts in made.items() if who not in plain}


def _rate(made: dict[str, list[Burst]], size: int, bound: float) -> Line:
    return Line(
        measure=f"{size:,} due at once: Jobs created",
        unit="a second",
        ours=[one.rate for one in made[OURS]],
        reference=RAW,
        theirs=[one.rate for one in made[RAW]],
        relation="ratio",
        goal=Goal(bound=bound, at_least=True),
        detail={who: [one.detail for one in bursts] for who, bursts in made.items()},
    )
