"""Answers to events, each worked out once for all subscribers that follow with the same document."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

# An answer that says more than the snapshot does is shared among those that are told of the event together.
SHARED_SECONDS = 1.0
MOST_KEPT = 200

Render: TypeAlias = Callable[[], Awaitable[tuple[bytes, bool]]]
"""Gives an answer, and whether it says what is in memory only."""


@dataclass(slots=True)
class _Rendering:
    generation: int
    task: asyncio.Task[tuple[bytes, bool]]
    started_at: float = field(default_factory=time.monotonic)

    def is_good(self, generation: int) -> bool:
        """Whether it may be given to somebody who asks now."""
        if not self.task.done():
            return True
        if self.task.cancelled() or self.task.exception() is not None:
            return False
        is_recent = time.monotonic() - self.started_at < SHARED_SECONDS
        return is_recent or (self.generation == generation and self.task.result()[1])


class Renders:
    """The answers made last."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, _Rendering] = OrderedDict()

    def has(self, key: str, generation: int) -> bool:
        """Whether `get` would give the answer of another."""
        rendering = self._held.get(key)
        return rendering is not None and rendering.is_good(generation)

    async def get(self, key: str, generation: int, render: Render) -> bytes:
        """What *render* gives, or gave to another for the same *key*."""
        held = self._held.get(key)
        if held is None or not held.is_good(generation):
            held = self._held[key] = _Rendering(generation, asyncio.ensure_future(render()))
            if len(self._held) > MOST_KEPT:
                self._held.popitem(last=False)
        # Shielded: a subscriber that goes away must not end it for the others.
        return (await asyncio.shield(held.task))[0]
