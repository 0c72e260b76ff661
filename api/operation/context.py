"""The one thing that every resolver is given."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from typing import Any, TypeAlias

import orjson
import strawberry

from api.access.token import ANONYMOUS, Verifier, Viewer
from api.error import RequestError
from api.operation import answer_cache
from api.operation.loaders import Loaders
from api.operation.request import GraphQLRequest
from api.state.live import LiveRankings
from api.state.sight import Sight
from api.state.snapshot import Snapshot
from db.postgres.pool import Pool
from db.rate import Budget
from db.version import VERSION

# The newest revisions as one operation, or one event of a subscription, sees them from start to end.
_pinned: ContextVar[dict[int, int]] = ContextVar("pinned")


class Context:
    """Of one HTTP request or one WebSocket connection.

    `bearer` is whose token came with the request; resolvers ask for `viewer`, so that it is known whether an answer
    depends on it. `is_pure` is True until a resolver asks for `pool` or `loaders`. `broken` is set when a stream cannot
    go on: its connection must then be broken off, so that the client comes back. `budget` is what a writer has left.
    """

    def __init__(self, pool: Pool, live: LiveRankings, tokens: Verifier, address: str, release: str = VERSION) -> None:
        self._live = live
        self._release = release
        self.tokens = tokens
        self.address = address
        self.bearer: Viewer = ANONYMOUS
        self.connection_params: dict[str, Any] = {}
        self.is_pure = True
        self.depends_on_viewer = False
        self._is_for_everyone = False
        self._names_revisions = True
        self._reads_catalogue = False
        self.broken = asyncio.Event()
        self.budget: Budget | None = None
        self.reports_cost = False
        self._cost: dict[str, int] | None = None
        self._pool = pool
        self._loaders = Loaders(pool)

    def renewed(self) -> "Context":
        """The same for one more operation or event, of which nothing has been asked yet."""
        other = copy(self)
        other.is_pure, other.depends_on_viewer = True, False
        other._names_revisions, other._reads_catalogue = True, False
        other._loaders = Loaders(self._pool)
        return other

    @contextmanager
    def for_everyone(self) -> Iterator[None]:
        """For results that every operation reuses: inside, asking for the viewer, the pool or loaders raises."""
        self._is_for_everyone = True
        try:
            yield
        finally:
            self._is_for_everyone = False

    def _check_is_for_one(self, what: str) -> None:
        if self._is_for_everyone:
            raise RuntimeError(f"a field with the same answer for everyone asks for the {what}")

    @property
    def viewer(self) -> Viewer:
        """Who asks; an answer that depends on it is for nobody else."""
        self._check_is_for_one("viewer")
        self.depends_on_viewer = True
        return self.bearer

    @property
    def live(self) -> Sight:
        """What is newest here, as the viewer may see it; who looks at it may see names that are corrected later."""
        self._check_is_for_one("newest catalogue")
        self._reads_catalogue = True
        return self._sight

    @property
    def _sight(self) -> Sight:
        return Sight(self._live, self.bearer.role)

    @property
    def caching(self) -> str:
        """What others that keep the answer to an anonymous query are told, as Cache-Control."""
        if not self._names_revisions:
            return "public, max-age=1, must-revalidate"
        if self._reads_catalogue:
            # A few seconds: an edition that is not there yet may be published at any instant.
            return "public, max-age=5, must-revalidate"
        # Not longer: after a restore, the same revision may be another ranking.
        return "public, max-age=3600, must-revalidate"

    @property
    def pool(self) -> Pool:
        self._check_is_for_one("pool")
        self.is_pure = False
        return self._pool

    @property
    def loaders(self) -> Loaders:
        self._check_is_for_one("loaders")
        self.is_pure = False
        return self._loaders

    @property
    def is_stale(self) -> bool:
        return self._live.is_stale

    def traceparent(self, year: int) -> str | None:
        """The span that loaded the newest ranking of an edition; None where it was not traced."""
        return self._live.traceparents.get(year)

    @property
    def is_anonymous(self) -> bool:
        return self.bearer is ANONYMOUS

    @property
    def generation(self) -> int:
        """Counts the changes of what answers from memory depend on."""
        return self._live.generation

    def key(self, request: GraphQLRequest, *event: int) -> str:
        """Of everything that an answer from memory depends on; *event* is the ranking that a subscriber is told of."""
        live = self._sight
        try:
            return self.digest(
                request.query,
                request.variables,
                request.operation_name,
                live.newest,
                live.version,
                self.bearer.role,
                event,
            )
        except orjson.JSONEncodeError as error:
            # orjson reads 1024 levels and writes 254.
            raise RequestError(400, "BAD_REQUEST", "variables are nested too deeply") from error

    @property
    def epoch(self) -> str:
        """Of the database; another one after a restore, when revisions begin again where they were."""
        return self._live.epoch

    def digest(self, *parts: Any) -> str:
        """Names an answer that depends on *parts*, on the release of this program and on the database's epoch."""
        return answer_cache.key(self._release, self._live.epoch, *parts)

    def notes(self) -> dict[str, Any]:
        """What an answer says about itself: that it may not be the newest, while Postgres does not answer; its cost."""
        stale = {"stale": True} if self._live.is_stale else {}
        return stale if self._cost is None else {**stale, "cost": self._cost}

    def report_cost(self, requested: int, limit: int) -> None:
        """Take down what the operation costs, for a client that has asked for it."""
        if self.reports_cost:
            self._cost = {"requested": requested, "limit": limit}

    def pin(self) -> None:
        """From here on this operation sees the rankings that are newest now, and no newer ones."""
        _pinned.set(self._sight.newest)

    @property
    def newest(self) -> dict[int, int]:
        """The newest revision of each ranked edition, as pinned."""
        self._names_revisions = False
        return _pinned.get(self._sight.newest)

    @property
    def newest_edition(self) -> int | None:
        """The edition that is meant where none is named; None when none is ranked. It is never a draft."""
        published = self._live.catalogue_of_readers.editions
        return max((year for year in self.newest if year in published), default=None)

    def held(self, year: int | None, revision: int | None) -> Snapshot | None:
        """As `snapshot`, but only from memory."""
        year = self.newest_edition or 0 if year is None else year
        revision = self.newest.get(year, 0) if revision is None else revision
        if not self._sight.shows_rankings_of(year):
            return None
        return self._live.snapshots.held((year, revision))

    async def snapshot(self, year: int | None = None, revision: int | None = None) -> Snapshot | None:
        """A ranking; the newest edition's and the newest revision unless named. None when there is none."""
        year = self.newest_edition if year is None else year
        if year is None:
            return None
        revision = self.newest.get(year) if revision is None else revision
        is_stored = revision is not None and await self._is_stored(year, revision)
        found = await self._live.snapshots.get((year, revision)) if is_stored and revision is not None else None
        # What is not there yet may be there soon.
        self._names_revisions = self._names_revisions and found is not None
        return found

    async def _is_stored(self, year: int, revision: int) -> bool:
        """Whether there is that ranking; all that an operation asks for at once are looked up in one statement."""
        newest, is_shown = self._sight.newest.get(year, 0), self._sight.shows_rankings_of(year)
        if is_shown and (revision == newest or self._live.snapshots.held((year, revision)) is not None):
            return True
        # Asked for a draft too: the answer to an unknown edition takes as long.
        if await self._loaders.first_ranked_revision_from.load((year, revision)) != revision:
            return False
        if year in self._live.catalogue.editions and not is_shown:
            return False
        if revision > newest:
            # A ranking that this process has not heard of may name cities that it does not know.
            await self._live.refresh()
        return self._sight.shows_rankings_of(year)


Info: TypeAlias = strawberry.Info[Context, None]
