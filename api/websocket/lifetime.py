"""How long a WebSocket may stay open: a connection that nobody uses is given back, and none is kept for ever."""

import asyncio
from collections.abc import Callable


async def ended(is_used: Callable[[], bool], idle_seconds: float, life_seconds: float) -> tuple[int, str]:
    """The close code and reason of a socket, once its time is over.

    Looks once in *idle_seconds*, so that a socket is closed after one to two of them without use. Clients come back
    from both codes when they want something.
    """
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + life_seconds
    was_used = True
    while (left := ends_at - loop.time()) > 0:
        await asyncio.sleep(min(left, idle_seconds))
        now_used = is_used()
        if not was_used and not now_used:
            return 1001, "Idle"
        was_used = now_used
    return 1012, "Connect again"
