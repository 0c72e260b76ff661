"""Loops that run until they are cancelled must notice it even when what they call has lost the cancellation."""

import asyncio


def raise_if_cancelled() -> None:
    """Raise `CancelledError` in a task that has been cancelled and runs on.

    redis-py writes with `asyncio.wait_for`, which before Python 3.12 forgets a cancellation that comes just as the
    write succeeds; and a client that fails while it cleans up raises its own error instead.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
