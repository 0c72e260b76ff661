"""What moved between two rankings."""

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from api.operation.context import Info
from api.schema.type import city
from api.schema.type.framework import Category
from api.state.change import Change, changes
from api.state.snapshot import Snapshot
from db.composite.framework import OVERALL

if TYPE_CHECKING:
    from api.schema.type.city import City


@strawberry.type(
    description="A city whose score, rank or flags differ from an older ranking of the same edition. What was not "
    "in the older or is not in the newer ranking is null there."
)
class RankChange:
    change: strawberry.Private[Change]
    snapshot: strawberry.Private[Snapshot]

    @strawberry.field(description="The city.")
    def city(self, info: Info) -> Annotated["City", strawberry.lazy("api.schema.type.city")]:
        return city.City.of(info, self.change.city)

    @strawberry.field(description="Null: the overall ranking.")
    def category(self) -> Category | None:
        if self.change.code == OVERALL:
            return None
        ranking = self.snapshot.ranking
        measure = ranking.framework.measures[ranking.framework.position[self.change.code]]
        return Category(edition=ranking.edition, framework=ranking.framework, measure=measure)

    @strawberry.field(description="Rank in the older ranking.")
    def old_rank(self) -> int | None:
        return self.change.old.rank

    @strawberry.field(description="Rank in the newer ranking.")
    def new_rank(self) -> int | None:
        return self.change.new.rank

    @strawberry.field(description="Score in the older ranking.")
    def old_score(self) -> float | None:
        return self.change.old.score

    @strawberry.field(description="Score in the newer ranking.")
    def new_score(self) -> float | None:
        return self.change.new.score

    @strawberry.field(description="In the Top 10 of the newer ranking only.")
    def entered_top_ten(self) -> bool:
        return self.change.new.is_top_n and not self.change.old.is_top_n

    @strawberry.field(description="In the Top 10 of the older ranking only.")
    def left_top_ten(self) -> bool:
        return self.change.old.is_top_n and not self.change.new.is_top_n

    @strawberry.field(
        description="A Hidden Champion in the newer ranking only; overall: in no category before, in one now."
    )
    def became_hidden_champion(self) -> bool:
        return self.change.new.is_hidden_champion and not self.change.old.is_hidden_champion

    @strawberry.field(description="A Hidden Champion in the older ranking only.")
    def ceased_hidden_champion(self) -> bool:
        return self.change.old.is_hidden_champion and not self.change.new.is_hidden_champion


def rank_changes(old: Snapshot | None, new: Snapshot) -> list[RankChange]:
    """Every difference; none when there is no older ranking."""
    return [] if old is None else [RankChange(change=change, snapshot=new) for change in changes(old, new)]


def changes_since(
    info: Info, snapshot: Snapshot, revision: int
) -> list[RankChange] | Coroutine[Any, Any, list[RankChange]]:
    """What moved since the newest ranking older than *revision*; at once where that one is in memory."""
    year, own = snapshot.key
    before = snapshot.ranking.revision_before
    held = info.context.held(year, before) if revision == own and before is not None else None
    return rank_changes(held, snapshot) if held else _load_changes(info, snapshot, revision)


async def _load_changes(info: Info, snapshot: Snapshot, revision: int) -> list[RankChange]:
    year, _ = snapshot.key
    before = await info.context.loaders.ranked_revision_before.load((year, revision))
    return rank_changes(None if before is None else await info.context.snapshot(year, before), snapshot)
