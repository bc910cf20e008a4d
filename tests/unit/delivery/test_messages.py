"""How notices read, whatever the agent has said."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentschedule.api.delivery import Event
from agentschedule.delivery.messages import SLACK_SECTION, default_message, sections, shown, slack_escaped
from tests.unit.delivery.notices import FAILED, notice


def test_in_a_terminal() -> None:
    assert default_message(FAILED).text.splitlines() == [
        "✗ Failed: team-a/daily-news",
        "  Why       Error: exit code 1",
        "  Run       daily-news-1795424400-r2",
        "  Attempt   2",
        "  Due       2026-11-23 09:00:00 UTC",
        "  Took      2 min 3 s",
        "  Cost      0.42 USD",
        "  Next run  2026-11-24 09:00:00 UTC",
        "",
        "Summary:",
        "  Two of five sources did not answer.",
    ]


def test_in_slack() -> None:
    head = (
        ":x: *Failed: team-a/daily-news*\nError: exit code 1\n"
        "Run daily-news-1795424400-r2 · Attempt 2 · Due 2026-11-23 09:00:00 UTC · Took"
        " 2 min 3 s · Cost 0.42 USD · Next run 2026-11-24 09:00:00 UTC · Kept back 3 like it since the last notice"
    )
    assert default_message(notice(suppressed=3)).slack == (
        head,
        "*Summary*\n> Two of five sources did not answer.",
    )


def test_an_alert_comes_first() -> None:
    message = default_message(notice(event="Alert", alert_severity="critical", alert_message="below\n20"))
    assert message.text.splitlines()[:2] == ["! Alert: team-a/daily-news", "  Alert     critical: below 20"]
    assert message.slack[0].splitlines()[1] == "critical: below 20"


def test_no_line_of_a_fact_looks_like_another() -> None:
    text = default_message(notice(message="exit code 1\n  Cost      0 USD")).text
    assert [line for line in text.splitlines() if "Cost " in line][-1] == "  Cost      0.42 USD"
    assert "  Why       Error: exit code 1 Cost 0 USD" in text


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, attrs))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=y>\"'>"
    "<!channel> <@U123> & </pre></body> ``` \x1b[2J\u202e\r\nSubject: x"
)


@pytest.mark.parametrize("event", Event.__args__)  # type: ignore[attr-defined]
def test_in_a_mail_nothing_of_the_agent_is_markup(event: Event) -> None:
    message = default_message(
        notice(event=event, summary=HOSTILE, alert_message=HOSTILE, output=HOSTILE, message=HOSTILE, reason="Error")
    )
    tags = _Tags()
    tags.feed(message.html)
    assert tags.open == []
    assert {tag for tag, _ in tags.seen} <= {
        "html",
        "head",
        "meta",
        "body",
        "div",
        "h1",
        "h2",
        "table",
        "tr",
        "td",
        "pre",
    }
    assert all(name in {"style", "charset"} for _, attrs in tags.seen for name, _ in attrs)


def test_in_slack_nothing_of_the_agent_is_markup() -> None:
    message = default_message(notice(summary=HOSTILE, alert_message=HOSTILE, output=HOSTILE, message=HOSTILE))
    for part in message.slack:
        assert "<" not in part
        assert not re.search(r"&(?!amp;|lt;|gt;)", part)
    assert message.slack[-1].count("```") == 2


def test_a_terminal_s_cursor_stays_where_it_is() -> None:
    message = default_message(notice(summary=HOSTILE, output="\x1b]0;title\x07\x9b31m\x08\x7f"))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", message.text)


@given(st.text(alphabet=st.sampled_from("<>&;a \n`é"), max_size=12_000))
def test_slack_s_bounds_hold_and_no_escape_is_cut(text: str) -> None:
    message = default_message(notice(summary=text, output=text, message=text, alert_message=text))
    assert 1 <= len(message.slack) <= 40
    for part in message.slack:
        assert 0 < len(part) <= 3000
        assert not re.search(r"&(?!amp;|lt;|gt;)", part)


@given(st.text(alphabet="<>&\na", max_size=20_000))
def test_sections_lose_nothing_but_line_ends(text: str) -> None:
    escaped = slack_escaped(text)
    parts = sections(escaped)
    assert all(len(part) <= SLACK_SECTION for part in parts)
    if len(parts) < 10:
        assert "".join(parts).replace("\n", "") == escaped.replace("\n", "")


@given(st.text(max_size=200))
def test_shown_is_text_that_any_channel_can_send(text: str) -> None:
    shown(text).encode()


@given(st.text(max_size=500), st.text(max_size=500))
def test_any_words_make_a_message(summary: str, output: str) -> None:
    message = default_message(notice(summary=summary, output=output))
    message.text.encode()
    message.html.encode()
