"""The audit: for admins, every change of a score with what was there before."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from api.error import ClientError
from api.operation.context import Info
from api.schema import connection
from api.schema.connection import PageArguments, PageInfo
from api.schema.node import number
from api.schema.permission import require_admin
from api.schema.type import city, submission
from api.schema.type.result import ValueStatus
from db.change.audit import AuditRow, PageKey, Place

if TYPE_CHECKING:
    from api.schema.type.city import City
    from api.schema.type.submission import Submission


@strawberry.type(description="A recorded value that a submission changed. Null values: nothing was recorded.")
class ScoreChange:
    row: strawberry.Private[AuditRow]

    @strawberry.field(description="The submission that changed it: who and when.")
    async def submission(self, info: Info) -> Annotated["Submission", strawberry.lazy("api.schema.type.submission")]:
        found = await info.context.loaders.submission_by_key.load(self.row.place[:2])
        assert found is not None, "the audit refers to its submission"
        return submission.Submission(row=found)

    @strawberry.field(description="The city.")
    def city(self, info: Info) -> Annotated["City", strawberry.lazy("api.schema.type.city")]:
        return city.City.of(info, self.row.city)

    @strawberry.field(description="Code of the category, indicator or parameter.")
    def measure(self) -> str:
        return self.row.measure

    @strawberry.field(description="Before, on the measure's own scale.")
    def old_value(self) -> float | None:
        return self.row.old_value

    @strawberry.field(description="How far the old value was known.")
    def old_status(self) -> ValueStatus | None:  # type: ignore[valid-type]
        return self.row.old_status

    @strawberry.field(description="Since then, on the measure's own scale.")
    def new_value(self) -> float | None:
        return self.row.new_value

    @strawberry.field(description="How far the new value is known.")
    def new_status(self) -> ValueStatus | None:  # type: ignore[valid-type]
        return self.row.new_status

    @strawberry.field(description="Where the new value comes from.")
    def source(self) -> str | None:
        return self.row.source


@strawberry.type(description="One change of a page.")
class ScoreChangeEdge:
    cursor: str = strawberry.field(description="For `after` and `before`.")
    node: ScoreChange = strawberry.field(description="The change.")


@strawberry.type(description="A page of changes, newest first.")
class ScoreChangeConnection:
    edges: list[ScoreChangeEdge] = strawberry.field(description="The changes with their cursors.")
    nodes: list[ScoreChange] = strawberry.field(description="The changes.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")
    total_count: int = strawberry.field(description="Changes on all pages.")


async def of_city(
    info: Info, slug: str, edition: int | None, measure: str | None, arguments: PageArguments
) -> ScoreChangeConnection:
    """A page of one city's audit."""
    return await _connect(info, arguments, slug, edition, None, measure)


async def of_submission(info: Info, key: tuple[int, int], arguments: PageArguments) -> ScoreChangeConnection:
    """A page of what one submission changed."""
    return await _connect(info, arguments, None, *key, None)


async def _connect(
    info: Info,
    arguments: PageArguments,
    slug: str | None,
    edition: int | None,
    revision: int | None,
    measure: str | None,
) -> ScoreChangeConnection:
    require_admin(info, "the audit")
    page = await info.context.loaders.audit_page.load(
        PageKey(
            slug, edition, revision, measure,
            _place(arguments.after), _place(arguments.before), arguments.size(), arguments.last is not None,
        )
    )  # fmt: skip
    if not page.is_known:
        raise ClientError("the cursor is not one of this connection")
    changes = [ScoreChange(row=row) for row in page.rows]
    cursors = [connection.encode(*row.place) for row in page.rows]
    info_ = connection.page_info(
        cursors, has_next_page=page.start + len(changes) < page.total_count, has_previous_page=page.start > 0
    )
    edges = [ScoreChangeEdge(cursor=cursor, node=change) for cursor, change in zip(cursors, changes, strict=True)]
    return ScoreChangeConnection(edges=edges, nodes=changes, page_info=info_, total_count=page.total_count)


def _place(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    match [number(part) for part in connection.decode(cursor, 4)]:
        case [int(edition), int(revision), int(measure_id), int(city_id)]:
            return edition, revision, measure_id, city_id
    raise ClientError(f"{cursor!r} is not a cursor of this connection")
