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
    """One answer; `is_pure` when it depends on its key alone, so that it may be kept."""

    body: bytes
    is_pure: bool


class AnswerCache:
    """The answers used last, *megabytes* of them at most; none when that is 0."""

    def __init__(self, megabytes: float) -> None:
        self._free = round(megabytes * MIB)
        self._is_on = self._free > 0
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._computing: dict[str, asyncio.Task[Answer]] = {}

    def get(self, key: str) -> bytes | None:
        """The body kept under *key*."""
        body = self._held.get(key)
        if body is not None:
            self._held.move_to_end(key)
        return body

    async def compute(self, key: str, execute: Callable[[], Awaitable[Answer]]) -> Answer:
        """What *execute* gives, kept when it is pure; callers that come meanwhile wait for the same one.

        They execute for themselves when it turns out not to be pure: it may have begun before they asked.
        """
        if not self._is_on:
            return await execute()
        if (computing := self._computing.get(key)) is not None:
            answer = await asyncio.shield(computing)
            return answer if answer.is_pure else await execute()
        computing = self._computing[key] = asyncio.ensure_future(execute())
        computing.add_done_callback(lambda _: self._computing.pop(key, None))
        answer = await asyncio.shield(computing)
        if answer.is_pure:
            self._keep(key, answer.body)
        return answer

    def _keep(self, key: str, body: bytes) -> None:
        if (replaced := self._held.pop(key, None)) is not None:
            self._free += _size(key, replaced)
        self._held[key] = body
        self._free -= _size(key, body)
        while self._free < 0:
            self._free += _size(*self._held.popitem(last=False))


def key(*parts: Any) -> str:
    """A digest of what an answer depends on; usable as an entity tag."""
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SORT_KEYS)).hexdigest()


def _size(key: str, body: bytes) -> int:
    return len(key) + len(body)
