"""Draws the pictures in docs/delivery.md: `python hack/delivery_pictures.py` (needs Chromium and a font with
emoji, Debian: chromium fonts-noto-color-emoji fonts-liberation fonts-dejavu-core).

What they show is what the operator sends: its own messages, put into frames that look like Slack, a mail client and a
terminal.
"""

import html
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from agentschedule.delivery.messages import default_message
from agentschedule.delivery.notice import Notice

DOCS = Path(__file__).parents[1] / "docs"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_EMOJI = {
    ":white_check_mark:": "✅",
    ":x:": "❌",
    ":warning:": "⚠️",
    ":hourglass:": "⏳",
    ":octagonal_sign:": "🛑",
}
_AT = datetime(2026, 11, 23, 9, 4, 12, tzinfo=UTC)
_DUE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

SUCCEEDED = Notice(
    key="msg_1",
    event="Succeeded",
    at=_AT,
    namespace="research",
    schedule="daily-news",
    agent="daily-news",
    run="daily-news-1795424400",
    phase="Succeeded",
    scheduled_at=_DUE,
    started_at=datetime(2026, 11, 23, 9, 0, 2, tzinfo=UTC),
    completed_at=_AT,
    next_run_at=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
    cost_usd="0.42",
    summary="1. A lab publishes open weights of its <small> model.\n2. Two chip makers share a foundry.\n"
    "3. A court rules on training data & fair use.",
)
FAILED = Notice(
    key="msg_2",
    event="Failed",
    at=_AT,
    namespace="shop",
    schedule="price-watch",
    agent="price-watch",
    run="price-watch-1795424400-r3",
    phase="Failed",
    reason="ExitCode",
    message="the agent exited with code 1",
    attempt=3,
    scheduled_at=_DUE,
    started_at=datetime(2026, 11, 23, 9, 3, 50, tzinfo=UTC),
    completed_at=_AT,
    next_run_at=datetime(2026, 11, 23, 10, 0, tzinfo=UTC),
    cost_usd="0.07",
    suppressed=2,
    output="fetching https://competitor.example.com/price\nHTTP 403\nTraceback (most recent call last):\n"
    '  File "agent.py", line 41, in main\nRuntimeError: no price found\n',
    output_truncated=True,
)


def slack_page() -> str:
    """Both notices as Slack shows them."""
    messages = "".join(_slack_message(notice) for notice in (SUCCEEDED, FAILED))
    return f"""<body style="margin:0;background:#fff;color:#1d1c1d;font:15px/1.46 'Liberation Sans',Arial,sans-serif">
<div style="padding:12px 20px;border-bottom:1px solid #ddd;font-weight:900"># agents</div>{messages}</body>"""


def mail_page() -> str:
    """The HTML part of a mail, below the head that a mail client shows."""
    message = default_message(FAILED)
    body = re.sub(r"^.*?<body[^>]*>|</body></html>$", "", message.html, flags=re.DOTALL)
    return f"""<body style="margin:0;background:#fff;font:14px 'Liberation Sans',Arial,sans-serif;color:#1f2328">
<div style="background:#f3f4f6;padding:14px 20px;border-bottom:1px solid #d0d7de">
<div style="font-size:18px;margin-bottom:8px">{html.escape(message.title)}</div>
<div style="color:#57606a">agents@example.com → ops@example.com</div></div>
<div style="padding:16px">{body}</div></body>"""


def terminal_page() -> str:
    """The text of both notices."""
    text = "\n\n".join(default_message(notice).text for notice in (SUCCEEDED, FAILED))
    return f"""<body style="margin:0;background:#16181d"><pre style="margin:0;padding:16px 20px;
font:14px/1.4 'DejaVu Sans Mono',monospace;color:#d6dae0">{html.escape(text)}</pre></body>"""


def _slack_message(notice: Notice) -> str:
    blocks = "".join(f'<div style="margin:4px 0">{_mrkdwn(part)}</div>' for part in default_message(notice).slack)
    return f"""<div style="display:flex;padding:10px 20px"><div style="width:36px;height:36px;border-radius:6px;
background:#4a154b;color:#fff;text-align:center;line-height:36px;margin-right:10px;flex:none">A</div>
<div style="min-width:0"><b>agents</b>
<span style="background:#eee;border-radius:3px;font-size:10px;padding:1px 3px">APP</span>
<span style="color:#616061;font-size:12px">10:04 AM</span>{blocks}</div></div>"""


def _mrkdwn(text: str) -> str:
    """Slack's markup, as far as the operator uses it. What it escapes for Slack is escaped for HTML as well."""
    for name, sign in _EMOJI.items():
        text = text.replace(name, sign)
    code = re.search(r"```\n(.*)\n```", text, re.DOTALL)
    if code is not None:
        frame = (
            '<pre style="margin:4px 0;background:#f8f8f8;border:1px solid #ddd;border-radius:4px;padding:8px;'
            "font:12px 'DejaVu Sans Mono',monospace\">"
        )
        before = _mrkdwn(text[: code.start()].rstrip("\n"))
        return f"{before}{frame}{code[1]}</pre>"
    lines = []
    for line in text.splitlines():
        bold = re.sub(r"\*([^*]+)\*", r"<b>\1</b>", line)
        if bold.startswith("> "):
            bold = f'<div style="border-left:4px solid #ddd;padding-left:10px">{bold[2:]}</div>'
        else:
            bold = f"<div>{bold}</div>"
        lines.append(bold)
    return "".join(lines)


def draw(page: str, file: Path, width: int, height: int) -> None:
    """A picture of a page, by a browser."""
    browser = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        sys.exit("Chromium is needed to draw pictures (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "page.html"
        source.write_text(f'<!DOCTYPE html><html><head><meta charset="utf-8"></head>{page}</html>', encoding="utf-8")
        subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                f"--user-data-dir={folder}/profile",
                f"--window-size={width},{height}",
                f"--screenshot={file}",
                source.as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )


def main() -> None:
    """Draw all of them into docs/."""
    draw(slack_page(), DOCS / "delivery-slack.png", 760, 520)
    draw(mail_page(), DOCS / "delivery-mail.png", 760, 460)
    draw(terminal_page(), DOCS / "delivery-terminal.png", 760, 590)


if __name__ == "__main__":
    main()
