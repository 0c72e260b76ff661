"""Corrections: what changed in an edition since it was published, why, and whose ranks it moved."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from api.error import ClientError
from api.operation.context import Info
from api.schema import connection
from api.schema.connection import PageArguments, PageInfo
from api.schema.node import Node
from api.schema.type import city, edition
from api.schema.type.change import RankChange, rank_changes
from db.change import correction as rows

if TYPE_CHECKING:
    from api.schema.type.city import City
    from api.schema.type.edition import Edition

NO_REASON = "No reason was given."


@strawberry.type(description="A recorded value that a correction changed, on the measure's own scale.")
class CorrectedValue:
    row: strawberry.Private[rows.CorrectedValue]

    @strawberry.field(description="The city.")
    def city(self, info: Info) -> Annotated["City", strawberry.lazy("api.schema.type.city")]:
        return city.City.of(info, self.row.city)

    @strawberry.field(description="Code of the category, indicator or parameter.")
    def measure(self) -> str:
        return self.row.measure

    @strawberry.field(description="Before; null when nothing was recorded.")
    def old_value(self) -> float | None:
        return self.row.old_value

    @strawberry.field(description="Since then; null when it was removed.")
    def new_value(self) -> float | None:
        return self.row.new_value


@strawberry.type(description="A change of a published edition, or the opening of a closed one.")
class Correction(Node):
    row: strawberry.Private[rows.Correction]

    def key(self) -> tuple[str | int, ...]:
        return self.row.edition, self.row.revision, self.row.event

    @strawberry.field(description="The edition that was corrected.")
    def edition(self, info: Info) -> Annotated["Edition", strawberry.lazy("api.schema.type.edition")]:
        return edition.Edition(entry=info.context.live.catalogue.editions[self.row.edition])

    @strawberry.field(description="The revision that it made; for an opening, the one at which the edition stood.")
    def revision(self) -> int:
        return self.row.revision

    @strawberry.field(description="When it was accepted.")
    def corrected_at(self) -> datetime:
        return self.row.corrected_at

    @strawberry.field(description="Why; a sentence that says so where no reason was given.")
    def reason(self) -> str:
        return self.row.reason or NO_REASON

    @strawberry.field(description="The recorded values that it changed, by city; empty for an opening.")
    async def values(self, info: Info) -> list[CorrectedValue]:
        if self.row.event:
            return []
        key = self.row.edition, self.row.revision
        return [CorrectedValue(row=row) for row in await info.context.loaders.corrected_values_by_key.load(key)]

    @strawberry.field(
        description="Whose ranks it moved; empty until it is ranked. Corrections that were ranked together have the "
        "same changes."
    )
    async def changes(self, info: Info) -> list[RankChange]:
        if self.row.event:
            return []
        loaders, year, revision = info.context.loaders, self.row.edition, self.row.revision
        after = await loaders.first_ranked_revision_from.load((year, revision))
        before = await loaders.ranked_revision_before.load((year, revision))
        if after is None or before is None:
            return []
        newer = await info.context.snapshot(year, after)
        return [] if newer is None else rank_changes(await info.context.snapshot(year, before), newer)


@strawberry.type(description="One correction of a page.")
class CorrectionEdge:
    cursor: str = strawberry.field(description="For `after` and `before`.")
    node: Correction = strawberry.field(description="The correction.")


@strawberry.type(description="A page of corrections, newest first.")
class CorrectionConnection:
    edges: list[CorrectionEdge] = strawberry.field(description="The corrections with their cursors.")
    nodes: list[Correction] = strawberry.field(description="The corrections.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")
    total_count: int = strawberry.field(description="Corrections on all pages.")


async def find(info: Info, year: int, revision: int, event: int) -> Correction | None:
    """The correction with that key of an edition that the viewer may see, None when there is none."""
    if year not in info.context.live.catalogue.editions:
        return None
    for row in await info.context.loaders.corrections_by_edition.load(year):
        if (row.revision, row.event) == (revision, event):
            return Correction(row=row)
    return None


async def connect(info: Info, year: int, arguments: PageArguments) -> CorrectionConnection:
    """A page of an edition's corrections, newest first."""
    arguments.size()
    found = await info.context.loaders.corrections_by_edition.load(year)
    position = {_cursor(row): index for index, row in enumerate(found)}
    start = 0 if arguments.after is None else _position(position, arguments.after) + 1
    end = len(found) if arguments.before is None else _position(position, arguments.before)
    page = connection.page(found, _cursor, start, end, arguments)
    nodes = [Correction(row=row) for row in page.items]
    edges = [CorrectionEdge(cursor=cursor, node=node) for cursor, node in zip(page.cursors, nodes, strict=True)]
    return CorrectionConnection(edges=edges, nodes=nodes, page_info=page.page_info, total_count=page.total_count)


def _cursor(row: rows.Correction) -> str:
    return connection.encode("correction", row.revision, row.event)


def _position(position: dict[str, int], cursor: str) -> int:
    if cursor not in position:
        raise ClientError(f"{cursor!r} is not a cursor of this connection")
    return position[cursor]
