"""Answers kept as bytes. Their key names all that they depend on, so nothing is ever invalidated."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `is_pure` when it depends on its key alone, so that it may be kept.

    `caching` is what others that keep it are told, as Cache-Control.
    """

    body: bytes
    is_pure: bool
    caching: str = "no-cache"


@dataclass(slots=True)
class _Computing:
    task: asyncio.Task[Answer]
    waiting: int = 0


class AnswerCache:
    """The answers used last, *megabytes* of them at most; none when that is 0."""

    def __init__(self, megabytes: float) -> None:
        self._free = round(megabytes * MIB)
        self.is_on = self._free > 0
        self._held: OrderedDict[str, Answer] = OrderedDict()
        self._computing: dict[str, _Computing] = {}

    def get(self, key: str) -> Answer | None:
        """The answer kept under *key*."""
        answer = self._held.get(key)
        if answer is not None:
            self._held.move_to_end(key)
        return answer

    async def compute(self, key: str, execute: Callable[[], Awaitable[Answer]]) -> Answer:
        """What *execute* gives, kept when it is pure; callers that come meanwhile wait for the same one.

        They execute for themselves when it turns out not to be pure: it may have begun before they asked. It is
        cancelled when all that wait for it are.
        """
        if not self.is_on:
            return await execute()
        if (computing := self._computing.get(key)) is not None:
            answer = await self._wait(computing)
            return answer if answer.is_pure else await execute()
        computing = self._computing[key] = _Computing(asyncio.ensure_future(execute()))
        computing.task.add_done_callback(lambda _: self._computing.pop(key, None))
        answer = await self._wait(computing)
        self.keep(key, answer)
        return answer

    def is_computing(self, key: str) -> bool:
        """Whether somebody else waits for the answer under *key*."""
        return key in self._computing

    def keep(self, key: str, answer: Answer) -> None:
        """Keep an answer if it is pure."""
        if not self.is_on or not answer.is_pure:
            return
        if (replaced := self._held.pop(key, None)) is not None:
            self._free += _size(key, replaced)
        self._held[key] = answer
        self._free -= _size(key, answer)
        while self._free < 0:
            self._free += _size(*self._held.popitem(last=False))

    async def _wait(self, computing: _Computing) -> Answer:
        computing.waiting += 1
        try:
            return await asyncio.shield(computing.task)
        finally:
            computing.waiting -= 1
            if not computing.waiting:
                computing.task.cancel()


def key(*parts: Any) -> str:
    """A digest of what an answer depends on; usable as an entity tag."""
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SORT_KEYS)).hexdigest()


def _size(key: str, answer: Answer) -> int:
    return len(key) + len(answer.body)
