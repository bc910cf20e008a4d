"""How a notice reads by default: in a terminal, in Slack, in a mail client.

What the agent says is shown as it is written: without control characters, escaped for the medium, and never as markup.
"""

import html
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from agentschedule.delivery.notice import Notice

SLACK_SECTION = 2900
"""Characters of one section; Slack takes 3000."""
_SLACK_LOG = 2500
_HTML_LOG = 64 * 1024
# Control characters (but line breaks and tabs), and those that turn the direction of writing around.
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ud800-\udfff]")
_SIGNS = {
    "Succeeded": ("✓", "#1a7f37", ":white_check_mark:"),
    "Recovered": ("✓", "#1a7f37", ":white_check_mark:"),
    "Failed": ("✗", "#b42318", ":x:"),
    "TimedOut": ("✗", "#b42318", ":hourglass:"),
    "DeadLettered": ("✗", "#b42318", ":octagonal_sign:"),
    "Held": ("!", "#9a6700", ":double_vertical_bar:"),
    "ApprovalRequested": ("?", "#0550ae", ":raised_hand:"),
    "BudgetAlert": ("!", "#9a6700", ":money_with_wings:"),
    "Alert": ("!", "#9a6700", ":warning:"),
}
_FIRST = ("Alert", "Why")
_WORDS = {
    "TimedOut": "Timed out",
    "DeadLettered": "Stopped for a person",
    "ApprovalRequested": "Approval requested",
    "BudgetAlert": "Budget alert",
}


@dataclass(frozen=True, slots=True)
class Message:
    """A notice in words, for every medium. `slack` is mrkdwn in sections, each within Slack's bound."""

    title: str
    text: str
    slack: tuple[str, ...]
    html: str


def default_message(notice: Notice) -> Message:
    """The message of a target that has no template."""
    title = title_of(notice)
    return Message(title, _text(notice, title), _slack(notice, title), _html(notice, title))


def templated_message(notice: Notice, plain: str, slack: str) -> Message:
    """The message that a template has given: once as plain text, once with its values escaped for Slack."""
    title, plain = title_of(notice), shown(plain).strip() or title_of(notice)
    body = f'<div style="white-space:pre-wrap">{html.escape(plain)}</div>'
    return Message(title, plain, sections(shown(slack).strip() or title), _page(notice, title, body))


def title_of(notice: Notice) -> str:
    """One line: what, and of which schedule."""
    return f"{_WORDS.get(notice.event, notice.event)}: {notice.namespace}/{notice.schedule}"


def shown(text: str) -> str:
    """The text without what would move a terminal's cursor, colour it or turn lines around."""
    return _UNSHOWN.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def slack_escaped(text: str) -> str:
    """The three characters that Slack reads as markup of links and mentions."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def sections(text: str) -> tuple[str, ...]:
    """Mrkdwn in parts that Slack takes, cut at line ends where there are any; at most ten."""
    parts: list[str] = []
    while text and len(parts) < 10:
        if len(text) <= SLACK_SECTION:
            parts.append(text)
            break
        at = text.rfind("\n", SLACK_SECTION // 2, SLACK_SECTION)
        at = at if at > 0 else _whole(text, SLACK_SECTION)
        parts.append(text[:at])
        text = text[at:].lstrip("\n")
    return tuple(part for part in parts if part.strip())


def facts(notice: Notice) -> list[tuple[str, str]]:
    """What is known, by name, in the order in which a person asks."""
    alert = f"{notice.alert_severity or 'warning'}: {notice.alert_message}" if notice.alert_message else ""
    named = [
        ("Alert", alert),
        ("Why", ": ".join(part for part in (notice.reason, notice.message) if part)),
        ("Run", notice.run),
        ("Attempt", str(notice.attempt) if notice.attempt > 1 else ""),
        ("Trigger", notice.trigger if notice.trigger not in {"", "Schedule"} else ""),
        ("Due", _time(notice.scheduled_at)),
        ("Took", _duration(notice.duration)),
        ("Cost", f"{notice.cost_usd} USD" if notice.cost_usd else ""),
        ("Output", notice.output_uri),
        ("Next run", _time(notice.next_run_at)),
        ("Kept back", f"{notice.suppressed} like it since the last notice" if notice.suppressed else ""),
    ]
    # On one line each: a line break in one must not look like another.
    return [(name, " ".join(shown(value).split())) for name, value in named if value.strip()]


def _text(notice: Notice, title: str) -> str:
    named = facts(notice)
    width = max((len(name) for name, _ in named), default=0)
    lines = [f"{_SIGNS[notice.event][0]} {title}", *(f"  {name:<{width}}  {value}" for name, value in named)]
    if notice.summary:
        lines += ["", "Summary:", *(f"  {line}" for line in shown(notice.summary).splitlines())]
    if notice.output:
        lines += ["", _log_title(notice) + ":", *(f"  {line}" for line in shown(notice.output).splitlines())]
    return "\n".join(lines)


def _slack(notice: Notice, title: str) -> tuple[str, ...]:
    first = [_fitting(value, 1000) for name, value in facts(notice) if name in _FIRST]
    named = " · ".join(f"{name} {_fitting(value, 600)}" for name, value in facts(notice) if name not in _FIRST)
    head = [f"{_SIGNS[notice.event][2]} *{_fitting(title, 300)}*", *first, *([named] if named else [])]
    parts = list(sections("\n".join(head)))
    if notice.summary:
        quoted = "\n".join(f"> {line}" for line in _fitting(shown(notice.summary), 2500).splitlines())
        parts.extend(sections(f"*Summary*\n{quoted}"))
    if notice.output:
        tail = shown(notice.output)[-_SLACK_LOG:].replace("```", "`\u200b`\u200b`")
        kept = _fitting_end(tail, _SLACK_LOG)
        parts.append(f"*{_log_title(notice)}*\n```\n{kept}\n```")
    return tuple(parts)


def _html(notice: Notice, title: str) -> str:
    rows = "".join(
        '<tr><td style="padding:2px 16px 2px 0;color:#57606a;vertical-align:top;white-space:nowrap">'
        f'{html.escape(name)}</td><td style="padding:2px 0">{html.escape(value)}</td></tr>'
        for name, value in facts(notice)
    )
    body = f'<table style="border-collapse:collapse;font-size:14px">{rows}</table>' if rows else ""
    if notice.summary:
        body += '<h2 style="font-size:14px;margin:16px 0 4px">Summary</h2>'
        body += f'<div style="white-space:pre-wrap;font-size:14px">{html.escape(shown(notice.summary))}</div>'
    if notice.output:
        body += f'<h2 style="font-size:14px;margin:16px 0 4px">{_log_title(notice)}</h2>'
        body += (
            '<pre style="white-space:pre-wrap;background:#f6f8fa;border-radius:6px;padding:12px;font-size:12px">'
            f"{html.escape(shown(notice.output)[-_HTML_LOG:])}</pre>"
        )
    return _page(notice, title, body)


def _page(notice: Notice, title: str, body: str) -> str:
    """A page that mail clients show: inline styles, nothing loaded from elsewhere."""
    sign, colour, _ = _SIGNS[notice.event]
    return (
        '<!DOCTYPE html><html><head><meta charset="utf-8"></head>'
        '<body style="margin:0;padding:16px;font-family:Helvetica,Arial,sans-serif;color:#1f2328">'
        f'<div style="max-width:640px;border-left:4px solid {colour};padding:4px 0 4px 16px">'
        f'<h1 style="font-size:18px;margin:0 0 12px;color:{colour}">{sign} {html.escape(title)}</h1>'
        f"{body}</div></body></html>"
    )


def _log_title(notice: Notice) -> str:
    return "Log (its end)" if notice.output_truncated else "Log"


def _fitting(text: str, most: int) -> str:
    """The text's begin, escaped for Slack, in at most so many characters."""
    escaped = slack_escaped(text)
    return escaped if len(escaped) <= most else escaped[: _whole(escaped, most - 1)] + "…"


def _fitting_end(text: str, most: int) -> str:
    """The text's end, escaped for Slack, in at most so many characters."""
    while len(slack_escaped(text)) > most:
        text = text[max(1, (len(slack_escaped(text)) - most) // 5) :]
    return slack_escaped(text)


def _whole(escaped: str, at: int) -> int:
    """A place at or before `at` that is not within an escaped character."""
    begin = escaped.rfind("&", max(0, at - 4), at)
    return begin if begin > 0 and ";" not in escaped[begin:at] else at


def _time(time: datetime | None) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if time is not None else ""


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"
