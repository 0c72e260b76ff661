"""Editions: one year of the index, its methodology and its rankings."""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.utils.await_maybe import await_maybe

from api.operation.context import Info
from api.schema.connection import PageArguments
from api.schema.node import Node
from api.schema.permission import require_admin
from api.schema.type import correction, ranking
from api.schema.type.framework import Category, categories
from api.schema.type.methodology import Methodology
from api.state.catalogue import Catalogue, EditionEntry
from api.state.snapshot import Snapshot
from db.composite.framework import Framework
from db.index.edition import State
from db.ranking import attempt

if TYPE_CHECKING:
    from api.schema.type.correction import CorrectionConnection
    from api.schema.type.ranking import Ranking

EditionState = strawberry.enum(
    State,
    name="EditionState",
    description="DRAFT: for those who prepare it. SCHEDULED: a draft that will be published at an instant. PUBLISHED: "
    "for everyone. CLOSED: published, and takes no more changes.",
)


@strawberry.enum(
    description="CURRENT: the newest revision is ranked, or there is nothing to rank. PENDING: a worker will rank it. "
    "PARKED: it could not be ranked, and is tried again when the edition changes or an admin asks for it."
)
class RecomputationStatus(StrEnum):
    CURRENT = "current"
    PENDING = "pending"
    PARKED = "parked"


@strawberry.type(description="How far the ranking of an edition's newest revision is.")
class Recomputation:
    row: strawberry.Private[attempt.RankingAttempts | None]
    status: RecomputationStatus = strawberry.field(description="Whether it is there.")
    attempts: int = strawberry.field(description="Attempts that did not succeed, the one under way included.")

    @strawberry.field(description="When the last attempt began; null without one.")
    def attempted_at(self) -> datetime | None:
        return None if self.row is None else self.row.attempted_at

    @strawberry.field(description="For admins: why the last attempt failed; null when its worker just ended.")
    def error(self, info: Info) -> str | None:
        require_admin(info, "the error of a recomputation")
        return None if self.row is None else self.row.error


@strawberry.type(description="One year of the index.")
class Edition(Node):
    entry: strawberry.Private[EditionEntry]

    def key(self) -> tuple[str | int, ...]:
        return (self.entry.year,)

    @strawberry.field(description="Year of publication.")
    def year(self) -> int:
        return self.entry.year

    @strawberry.field(
        description="Counts accepted submissions, to this edition and to those that it is compared with; a "
        "ranking carries the number it was computed from."
    )
    async def revision(self, info: Info) -> int:
        return await info.context.loaders.revision_by_edition.load(self.entry.year)

    @strawberry.field(
        description="One ranking of this edition; the newest unless named. Null when there is none: an edition "
        "without scores shows what was published only."
    )
    async def ranking(
        self, info: Info, revision: int | None = None
    ) -> Annotated["Ranking", strawberry.lazy("api.schema.type.ranking")] | None:
        return await await_maybe(ranking.find(info, self.entry.year, revision))

    @strawberry.field(description="How its scores become a ranking.")
    def methodology(self) -> Methodology:
        return Methodology.of(self.entry.framework.methodology)

    @strawberry.field(description="Cities compared in this edition.")
    def city_count(self) -> int:
        return self.entry.city_count

    @strawberry.field(description="How far the ranking of its newest revision is.")
    async def recomputation(self, info: Info) -> Recomputation:
        year = self.entry.year
        state = await info.context.loaders.state_by_edition.load(year)
        row = await info.context.loaders.recomputation_by_edition.load(year) if state.attempts else None
        status = RecomputationStatus.PENDING if state.is_stale else RecomputationStatus.CURRENT
        if state.is_stale and not state.is_due(info.context.live.settings.task_attempts):
            status = RecomputationStatus.PARKED
        return Recomputation(row=row, status=status, attempts=state.attempts)

    @strawberry.field(
        description="Where it is in its life. Readers know no edition that is not published: they get what an unknown "
        "edition gets."
    )
    def state(self) -> EditionState:  # type: ignore[valid-type]
        return self.entry.life.state

    @strawberry.field(description="The instant at which it will be published; null unless it is scheduled.")
    def publish_at(self) -> datetime | None:
        return self.entry.life.publish_at

    @strawberry.field(description="When it was published; null for a draft.")
    def published_at(self) -> datetime | None:
        return self.entry.life.published_at

    @strawberry.field(description="Since when it takes no more changes; null while it is open.")
    def closed_at(self) -> datetime | None:
        return self.entry.life.closed_at

    @strawberry.field(description="What was corrected since it was published, newest first.")
    async def corrections(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Annotated["CorrectionConnection", strawberry.lazy("api.schema.type.correction")]:
        return await correction.connect(info, self.entry.year, PageArguments(first, after, last, before))

    @strawberry.field(description="Whether scores that editors submit wait for an admin.")
    async def review_required(self, info: Info) -> bool:
        return (await info.context.loaders.state_by_edition.load(self.entry.year)).review_required

    @strawberry.field(description="Its categories in published order.")
    def categories(self) -> list[Category]:
        return categories(self.entry.year, self.entry.framework)


def of_ranking(catalogue: Catalogue, snapshot: Snapshot) -> Edition:
    """The edition with the framework and the members that a ranking of it was computed with."""
    ranking = snapshot.ranking
    entry = replace(catalogue.editions[ranking.edition], framework=ranking.framework, city_count=len(ranking.members))
    return Edition(entry=entry)


def with_framework(catalogue: Catalogue, year: int, framework: Framework) -> Edition:
    """The edition with the framework that a measure of it was taken from."""
    return Edition(entry=replace(catalogue.editions[year], framework=framework))
