"""`slack`: the Web API's chat.postMessage with a bot's token, or an incoming webhook.

Sources: https://docs.slack.dev/reference/methods/chat.postMessage, https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks,
https://docs.slack.dev/messaging/formatting-message-text.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import orjson

from agentschedule.delivery.guard import Guard
from agentschedule.delivery.messages import Message, slack_escaped
from agentschedule.delivery.notice import Notice
from agentschedule.delivery.outcome import Again, Delivered, Outcome, Refused
from agentschedule.delivery.posting import Answer, judged, post

API_URL = "https://slack.com/api/"
_ANSWER_BYTES = 16 * 1024
_TOKEN = re.compile(r"[\x21-\x7e]{1,512}")
_BEGINS_WELL = re.compile(rb'\s*\{\s*"ok"\s*:\s*true\s*,')
_ERROR = re.compile(r"[a-z][a-z0-9_]{0,63}")
# Errors that pass by themselves; every other one needs a person.
_PASSING = frozenset(
    {
        "fatal_error",
        "internal_error",
        "message_limit_exceeded",
        "org_login_required",
        "rate_limited",
        "ratelimited",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
        "rollup_error",
    }
)


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where to: a channel with a token, or a webhook's URL."""

    channel: str = ""
    token: str = field(default="", repr=False)
    webhook_url: str = field(default="", repr=False)
    api_url: str = API_URL
    seconds: float = 30


async def send(guard: Guard, workspace: Workspace, notice: Notice, message: Message) -> Outcome:
    """Post it once."""
    if workspace.webhook_url:
        body = orjson.dumps(_payload(message))
        answer = await post(guard, workspace.webhook_url, body, _JSON, seconds=workspace.seconds)
        return answer if isinstance(answer, Again | Refused) else judged(answer)
    if not workspace.token or not workspace.channel:
        return Refused("a channel and a token are needed, of the target or of the operator's settings")
    if not _TOKEN.fullmatch(workspace.token):
        return Refused("the token has characters that no token has")
    payload = {
        **_payload(message),
        "channel": workspace.channel,
        "parse": "none",
        "link_names": False,
        "metadata": {"event_type": "agentschedule_notice", "event_payload": {"id": notice.key}},
    }
    headers = {**_JSON, "Authorization": f"Bearer {workspace.token}"}
    url = workspace.api_url.rstrip("/") + "/chat.postMessage"
    answer = await post(guard, url, orjson.dumps(payload), headers, seconds=workspace.seconds, read=_ANSWER_BYTES)
    return answer if isinstance(answer, Again | Refused) else _judged(answer)


_JSON = {"Content-Type": "application/json; charset=utf-8"}


def _payload(message: Message) -> dict[str, Any]:
    """Sections of mrkdwn, taken word for word: Slack makes no links of names or addresses in them."""
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": part, "verbatim": True}} for part in message.slack]
    return {"text": slack_escaped(message.title), "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def _judged(answer: Answer) -> Outcome:
    """The Web API answers 200 also when it refuses; why is in `error`, a word of a documented list."""
    if answer.status != 200:
        return judged(answer)
    try:
        said = orjson.loads(answer.body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        # A long answer, which has the whole message in it, is cut. It begins with what counts.
        if _BEGINS_WELL.match(answer.body):
            return Delivered()
        return Again("Slack's answer cannot be read", answer.after)
    if said.get("ok") is True:
        return Delivered()
    error = said.get("error")
    word = error if isinstance(error, str) and _ERROR.fullmatch(error) else "no reason"
    if word in _PASSING or word == "no reason":
        return Again(f"Slack answered {word}", answer.after)
    return Refused(f"Slack answered {word}")
