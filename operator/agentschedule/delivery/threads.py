"""Threads for what blocks: names, files, libraries.

They are deliveries' own. In those of the event loop a name server that does not answer, or a reader of the standard
output that has stopped, would hold up everything else that needs one, the API client's names among them.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

MOST = 32
_NAMES = ThreadPoolExecutor(MOST, thread_name_prefix="delivery-name")
_WORK = ThreadPoolExecutor(MOST, thread_name_prefix="delivery-work")


async def look_up(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Ask a name server."""
    return await asyncio.get_running_loop().run_in_executor(_NAMES, lambda: function(*args, **kwargs))


async def work(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do anything else that blocks. It goes on when nobody waits for it any more."""
    return await asyncio.get_running_loop().run_in_executor(_WORK, lambda: function(*args, **kwargs))
