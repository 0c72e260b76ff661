"""The one thing that every resolver is given."""

import asyncio
from contextvars import ContextVar
from typing import Any, TypeAlias

import strawberry

from api.auth import ANONYMOUS, Verifier, Viewer
from api.index import Index
from api.loaders import Loaders
from api.snapshot import Snapshot
from db.pool import Pool

# The newest revisions as one operation, or one event of a subscription, sees them from start to end.
_pinned: ContextVar[dict[int, int]] = ContextVar("pinned")


class Context:
    """Of one HTTP request or one WebSocket connection.

    `is_pure` stays True for as long as only `index` was asked: such an answer may be kept and given again. `broken` is
    set when a stream cannot go on: its connection must then be broken off, so that the client comes back.
    """

    def __init__(self, pool: Pool, index: Index, tokens: Verifier) -> None:
        self.index = index
        self.tokens = tokens
        self.viewer: Viewer = ANONYMOUS
        self.connection_params: dict[str, Any] = {}
        self.is_pure = True
        self.broken = asyncio.Event()
        self._pool = pool
        self._loaders = Loaders(pool)

    @property
    def pool(self) -> Pool:
        self.is_pure = False
        return self._pool

    @property
    def loaders(self) -> Loaders:
        self.is_pure = False
        return self._loaders

    def pin(self) -> None:
        """From here on this operation sees the rankings that are newest now, and no newer ones."""
        _pinned.set(self.index.newest)

    @property
    def newest(self) -> dict[int, int]:
        """The newest revision of each ranked edition, as pinned."""
        return _pinned.get(self.index.newest)

    async def snapshot(self, year: int | None = None, revision: int | None = None) -> Snapshot | None:
        """A ranking; the newest edition's and the newest revision unless named. None when there is none."""
        year = max(self.newest, default=None) if year is None else year
        if year is None:
            return None
        revision = self.newest.get(year) if revision is None else revision
        if revision is not None and revision > self.index.newest.get(year, 0):
            # A ranking that this process has not heard of may name cities that it does not know.
            await self.index.refresh()
        return None if revision is None else await self.index.snapshots.get((year, revision))


Info: TypeAlias = strawberry.Info[Context, None]
