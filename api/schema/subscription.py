"""The root `Subscription`: rankings as they are recomputed.

Each ranking is a state: the newest replaces all that a client has not seen.
"""

import asyncio
from collections.abc import AsyncGenerator

import strawberry

from api.error import ClientError
from api.operation.context import Context, Info
from api.planning.view import MAY_WAIT
from api.schema.type.change import RankChange, changes_since
from api.schema.type.edition import Edition, of_ranking
from api.schema.type.ranking import Ranking
from api.state.snapshot import Snapshot
from db import telemetry
from db.postgres.pool import AWAY

RETRY_SECONDS = 1.0

log = telemetry.logger(__name__)


@strawberry.type(description="A ranking that has been stored.")
class RankingRecomputed:
    snapshot: strawberry.Private[Snapshot]

    @strawberry.field(description="The ranking.")
    def ranking(self) -> Ranking:
        return Ranking(snapshot=self.snapshot)

    @strawberry.field(
        description="The edition that it ranks. Select `edition { id ranking { id } }` to have a normalised cache "
        "follow: the edition's id stays, the ranking's carries its revision."
    )
    def edition(self, info: Info) -> Edition:
        return of_ranking(info.context.live.catalogue, self.snapshot)

    @strawberry.field(description="The revision of the ranking before it; null for an edition's first.")
    def previous_revision(self) -> int | None:
        return self.snapshot.ranking.revision_before

    @strawberry.field(description="What moved since the ranking before it.", metadata=MAY_WAIT)
    def changes(self, info: Info) -> list[RankChange]:
        return changes_since(info, self.snapshot, self.snapshot.key[1])  # type: ignore[return-value]


async def ranking_recomputed(
    info: Info, edition: int | None = None, since: int | None = None
) -> AsyncGenerator[RankingRecomputed]:
    """The current ranking at once (unless its revision is <= `since`), then every newer one."""
    context = info.context
    if edition is not None and edition not in context.live.catalogue.editions:
        raise ClientError(f"there is no edition {edition}")
    try:
        async for snapshot in _follow(context, edition, since):
            context.pin()
            yield RankingRecomputed(snapshot=snapshot)
    except Exception:
        # An end would look like success to the client, and it would never come back.
        log.exception("a subscription failed")
        context.broken.set()
        await asyncio.Event().wait()


async def _follow(context: Context, edition: int | None, since: int | None) -> AsyncGenerator[Snapshot]:
    """The newest ranking each time that there is a newer one than was given."""
    seen: dict[int, int] = {}
    epoch = context.epoch
    while True:
        if context.epoch != epoch:
            epoch, since = context.epoch, None
            seen.clear()
        year = context.live.newest_published if edition is None else edition
        if not seen and year is not None and since is not None:
            # `since` is a revision of the edition that is followed first; another edition has revisions of its own.
            seen[year] = since
        newest = context.live.newest.get(year, 0) if year is not None else 0
        if year is None or newest <= seen.get(year, 0):
            await context.live.changed()
            continue
        yield await _load(context, year, newest)
        seen[year] = newest


async def _load(context: Context, year: int, revision: int) -> Snapshot:
    """A stored snapshot; a stream outlives a Postgres that is away, because its end would look like success."""
    while True:
        try:
            snapshot = await context.snapshot(year, revision)
        except AWAY as error:
            log.warning("postgres is away, a subscription waits", error=repr(error))
            await asyncio.sleep(RETRY_SECONDS)
        else:
            assert snapshot is not None, "a revision is announced after it is stored"
            return snapshot


@strawberry.type(description="What can be followed.")
class Subscription:
    ranking_recomputed: AsyncGenerator[RankingRecomputed] = strawberry.subscription(
        resolver=ranking_recomputed,
        description="The current ranking at once (unless its revision is <= `since`), then every newer one. "
        "Rankings are states: a slow or reconnecting client may miss revisions in between, never the newest.",
    )
