"""Who goes next: few to one host, no namespace takes all places."""

from agentschedule.engine.lanes import Lane, Lanes


def fill(lanes: Lanes[str], host: str, namespace: str, count: int) -> None:
    for number in range(count):
        lanes.put(Lane(host, namespace), f"{host}/{namespace}/{number}")


def taken(lanes: Lanes[str], most: int | None = None) -> list[str]:
    return [item for _, item in lanes.take(most)]


def test_few_to_one_host() -> None:
    lanes: Lanes[str] = Lanes(8, 2)
    fill(lanes, "slow", "a", 5)
    fill(lanes, "good", "a", 1)
    assert sorted(taken(lanes)) == ["good/a/0", "slow/a/0", "slow/a/1"]
    assert taken(lanes) == []
    assert len(lanes) == 3
    lanes.done(Lane("slow", "a"))
    assert taken(lanes) == ["slow/a/2"]


def test_no_namespace_takes_all_places() -> None:
    lanes: Lanes[str] = Lanes(8, 2)
    for number in range(20):
        fill(lanes, f"host-{number}", "greedy", 2)
    assert len(taken(lanes)) == 4
    fill(lanes, "hooks", "modest", 1)
    assert taken(lanes) == ["hooks/modest/0"]


def test_hosts_of_several_namespaces_take_turns() -> None:
    lanes: Lanes[str] = Lanes(8, 2)
    fill(lanes, "hooks", "a", 3)
    fill(lanes, "hooks", "b", 3)
    order = taken(lanes)
    while len(lanes):
        lanes.done(Lane("hooks", order[-1].split("/")[1]))
        order += taken(lanes)
    assert [item.split("/")[1] for item in order[:4]] == ["a", "b", "a", "b"]


def test_fewer_for_a_while() -> None:
    lanes: Lanes[str] = Lanes(8, 2)
    for number in range(4):
        fill(lanes, f"host-{number}", "a", 1)
    assert len(taken(lanes, 2)) == 2
    assert taken(lanes, 2) == []
    assert len(taken(lanes)) == 2
    assert lanes.under_way == 4
