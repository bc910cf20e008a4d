"""What can be done to requests on their way: to which of them, and to what share of them."""

import random
import re
from dataclasses import dataclass
from enum import Enum, auto

from aiohttp import web


class Reset(Enum):
    """The connection is reset."""

    BEFORE = auto()
    """The request is not passed on."""
    AFTER = auto()
    """The request was carried out; its answer is lost."""
    MIDWAY = auto()
    """The request was carried out; half of its answer arrives."""


@dataclass(frozen=True)
class Answer:
    """The request is not passed on; this is answered."""

    status: int
    retry_after: int | None = None


@dataclass(frozen=True)
class Delay:
    """The request is passed on after so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Hang:
    """Nothing is answered as long as the fault lasts. Then the request is carried out, though its sender gave it up."""


@dataclass(frozen=True)
class Silence:
    """A watch opens, and nothing ever comes: no event, no bookmark, no end."""


@dataclass(frozen=True)
class WatchError:
    """A watch opens and tells of an error of this code, as the API server does once it has answered 200."""

    code: int


Act = Reset | Answer | Delay | Hang | Silence | WatchError


@dataclass(frozen=True)
class Fault:
    """What is done to requests, and to which. Patterns are searched for; `watch`: only watches, or none of them."""

    act: Act
    share: float = 1.0
    method: str = ""
    path: str = ""
    watch: bool | None = None

    def concerns(self, request: web.BaseRequest, chance: random.Random) -> bool:
        """Whether it is done to this request."""
        if self.watch is not None and self.watch != is_watch(request):
            return False
        if not re.search(self.method, request.method) or not re.search(self.path, request.path_qs):
            return False
        return chance.random() < self.share


def is_watch(request: web.BaseRequest) -> bool:
    """Whether it asks for a stream of events."""
    return request.query.get("watch") in {"1", "true"}
