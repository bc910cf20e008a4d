"""When a namespace refuses no more, all who were refused are back soon, and none of them has asked all the time."""

from agentschedule.engine.refusals import SOON, Refusals

WHAT = ("create", "shop")


def refuse(refusals: Refusals, who: str, own: float, now: float, asked: list[str] | None = None) -> float:
    return refusals.refused(WHAT, who, own, now, lambda: (asked if asked is not None else []).append(who))


def test_who_has_waited_little_waits_for_as_long_as_they_would() -> None:
    refusals = Refusals()
    assert [refuse(refusals, who, 1.0, 0.0) for who in "abc"] == [1.0, 1.0, 1.0]


def test_one_of_a_namespace_asks_every_few_seconds_and_the_others_take_their_time() -> None:
    refusals, asked, at = Refusals(), 0, dict.fromkeys("abcdefghij", 0.0)
    for now in range(600):
        for who in [who for who, due in at.items() if due <= now]:
            at[who] = now + refuse(refusals, who, 60.0, now)
            asked += 1
    assert 600 / SOON <= asked <= 600 / SOON + 10 * 600 / 60


def test_namespaces_and_kinds_of_requests_are_apart() -> None:
    refusals = Refusals()
    assert refuse(refusals, "a", 60.0, 0.0) == SOON
    assert refusals.refused(("check", "shop"), "a", 60.0, 0.0, lambda: None) == SOON
    assert refusals.refused(("create", "other"), "a", 60.0, 0.0, lambda: None) == SOON


def test_a_success_is_the_sign_for_two_others_until_all_have_asked() -> None:
    refusals, asked = Refusals(), list[str]()
    for who in "abcdefg":
        refuse(refusals, who, 60.0, 0.0, asked)
    refusals.taken(WHAT, "a")
    assert asked == ["b", "c"]
    for who in asked:  # each of them succeeds, and those whom that calls
        refusals.taken(WHAT, who)
    assert asked == list("bcdefg")


def test_who_is_refused_again_asks_after_the_others() -> None:
    refusals, asked = Refusals(), list[str]()
    for who in "abcd":
        refuse(refusals, who, 60.0, 0.0, asked)
    refusals.taken(WHAT, "a")
    refuse(refusals, "b", 60.0, 1.0, asked)
    refusals.taken(WHAT, "a")
    assert asked == ["b", "c", "d", "b"]


def test_a_success_without_refusals_is_nothing() -> None:
    Refusals().taken(WHAT, "a")
