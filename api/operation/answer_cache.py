"""Answers kept as bytes. Their key names all that they depend on, so nothing is ever invalidated.

`api.operation.sharing` decides with whom an answer is shared.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import orjson

from api.operation.memory import Memory, Store

# An answer with figures from Postgres is shared among those that are told of an event together.
MOMENT_SECONDS = 1.0
# Of an answer beside its body: the objects, and the key.
ANSWER_BYTES = 400


class Sharing(Enum):
    """With whom an answer is shared: with all who ask for the same, with those who ask now, or with nobody."""

    ALWAYS = "always"
    NOW = "now"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `caching` is what others that keep it are told, as Cache-Control."""

    body: bytes
    sharing: Sharing
    caching: str = "no-cache"
    made_at: float = field(default_factory=time.monotonic, compare=False)

    @property
    def is_pure(self) -> bool:
        """Whether it is true for as long as its key is the same."""
        return self.sharing is Sharing.ALWAYS

    @property
    def is_over(self) -> bool:
        """Whether it was for those who asked at its time."""
        return self.sharing is Sharing.NOW and time.monotonic() - self.made_at >= MOMENT_SECONDS


@dataclass(slots=True)
class _Computing:
    task: asyncio.Task[Answer]
    waiting: int = 0


class AnswerCache:
    """The answers used last; none when it is not on."""

    def __init__(self, memory: Memory, name: str, *, is_on: bool = True) -> None:
        self.is_on = is_on
        self._store: Store[str, Answer] = memory.store(name)
        self._computing: dict[str, _Computing] = {}

    def get(self, key: str) -> Answer | None:
        """The answer kept under *key*."""
        answer = self._store.get(key)
        if answer is not None and answer.is_over:
            self._store.drop(key)
            return None
        return answer

    async def compute(self, key: str, execute: Callable[[], Awaitable[Answer]]) -> Answer:
        """What *execute* gives, kept when it may be; callers that come meanwhile wait for the same one.

        When the answer that they waited for may not be shared, each executes its own. The execution is cancelled
        when all that wait for it are.
        """
        if not self.is_on:
            return await execute()
        if (computing := self._computing.get(key)) is not None:
            answer = await self._wait(key, computing)
            return await execute() if answer.sharing is Sharing.NEVER else answer
        computing = self._computing[key] = _Computing(asyncio.ensure_future(execute()))
        computing.task.add_done_callback(lambda _: self._end(key, computing))
        answer = await self._wait(key, computing)
        self.keep(key, answer)
        return answer

    def is_computing(self, key: str) -> bool:
        """Whether somebody else waits for the answer under *key*."""
        return key in self._computing

    def keep(self, key: str, answer: Answer) -> None:
        """Keep an answer that others may get."""
        if self.is_on and answer.sharing is not Sharing.NEVER:
            self._store.keep(key, answer, len(answer.body) + ANSWER_BYTES)

    async def _wait(self, key: str, computing: _Computing) -> Answer:
        computing.waiting += 1
        try:
            return await asyncio.shield(computing.task)
        finally:
            computing.waiting -= 1
            if not computing.waiting and not computing.task.done():
                # Gone at once: who asks next must not wait for what is cancelled.
                self._end(key, computing)
                computing.task.cancel()

    def _end(self, key: str, computing: _Computing) -> None:
        if self._computing.get(key) is computing:
            del self._computing[key]


def key(*parts: Any) -> str:
    """A digest of what an answer depends on; usable as an entity tag."""
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SORT_KEYS)).hexdigest()
