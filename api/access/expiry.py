"""What is opened with a token lives no longer than the token."""

import asyncio
import time

from api.access.token import Viewer

# Clocks are set now and then, so a long wait looks at them again.
LONGEST_SLEEP_SECONDS = 60


async def expired(viewer: Viewer) -> None:
    """Return when the viewer's token begins to be refused; never for one without a token."""
    if viewer.expires_at is None:
        await asyncio.Event().wait()
        return
    while (left_seconds := viewer.expires_at - time.time()) > 0:
        await asyncio.sleep(min(left_seconds, LONGEST_SLEEP_SECONDS))
