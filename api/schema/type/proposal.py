"""Proposals: scores that an editor submitted and an admin decides."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from api.access.token import Role
from api.error import ClientError
from api.operation.context import Info
from api.schema import connection, node
from api.schema.connection import PageArguments, PageInfo
from api.schema.node import Node, number
from api.schema.permission import require_editor
from api.schema.type import city, edition, submission
from db.change import review as rows
from db.change import review_page
from db.change.review_page import PageKey
from db.change.score_proposal import ScoreChange

if TYPE_CHECKING:
    from api.schema.type.city import City
    from api.schema.type.edition import Edition
    from api.schema.type.submission import Submission

ProposalStatus = strawberry.enum(
    rows.ProposalStatus,
    name="ProposalStatus",
    description="PENDING: waits for an admin. ACCEPTED: became a submission. REJECTED: changed nothing; see `reason`. "
    "WITHDRAWN: taken back by its proposer.",
)


@strawberry.type(description="A value that a proposal proposes to record.")
class ProposedScore:
    row: strawberry.Private[ScoreChange]

    @strawberry.field(description="The city.")
    def city(self, info: Info) -> Annotated["City", strawberry.lazy("api.schema.type.city")]:
        return city.City.of(info, self.row.city)

    @strawberry.field(description="Code of the category, indicator or parameter.")
    def measure(self) -> str:
        return self.row.measure

    @strawberry.field(description="On the measure's own scale; null removes what is recorded.")
    def value(self) -> float | None:
        return self.row.value

    @strawberry.field(description="Instead of the proposal's source.")
    def source(self) -> str | None:
        return self.row.source


@strawberry.type(
    description="Scores that an editor submitted to an edition with `reviewRequired`; an admin decides once."
)
class Proposal(Node):
    row: strawberry.Private[rows.StoredProposal]

    def key(self) -> tuple[str | int, ...]:
        return (self.row.id,)

    @strawberry.field(description="The edition that it would change.")
    def edition(self, info: Info) -> Annotated["Edition", strawberry.lazy("api.schema.type.edition")]:
        return edition.Edition(entry=info.context.live.catalogue.editions[self.row.edition])

    @strawberry.field(description="What became of it.")
    def status(self) -> ProposalStatus:  # type: ignore[valid-type]
        return self.row.status

    @strawberry.field(description="Subject of the token that submitted it.")
    def proposed_by(self) -> str:
        return self.row.proposed_by

    @strawberry.field(description="When it was submitted.")
    def proposed_at(self) -> datetime:
        return self.row.proposed_at

    @strawberry.field(description="Where it says it comes from.")
    def source(self) -> str | None:
        return self.row.source

    @strawberry.field(description="What it proposes, in the order of the call.")
    async def scores(self, info: Info) -> list[ProposedScore]:
        found = await info.context.loaders.scores_by_proposal.load(self.row.id)
        return [ProposedScore(row=row) for row in found]

    @strawberry.field(description="Subject of the token that decided it; null while it waits.")
    def decided_by(self) -> str | None:
        return self.row.decided_by

    @strawberry.field(description="When it was decided; null while it waits.")
    def decided_at(self) -> datetime | None:
        return self.row.decided_at

    @strawberry.field(description="Why it was rejected; null unless it was.")
    def reason(self) -> str | None:
        return self.row.reason

    @strawberry.field(description="What it became; null unless it was accepted.")
    async def submission(
        self, info: Info
    ) -> Annotated["Submission", strawberry.lazy("api.schema.type.submission")] | None:
        if self.row.revision is None:
            return None
        found = await info.context.loaders.submission_by_key.load((self.row.edition, self.row.revision))
        assert found is not None, "a proposal refers to its submission"
        return submission.Submission(row=found)


@strawberry.type(description="One proposal of a page.")
class ProposalEdge:
    cursor: str = strawberry.field(description="For `after` and `before`.")
    node: Proposal = strawberry.field(description="The proposal.")


@strawberry.type(description="A page of proposals, newest first.")
class ProposalConnection:
    edges: list[ProposalEdge] = strawberry.field(description="The proposals with their cursors.")
    nodes: list[Proposal] = strawberry.field(description="The proposals.")
    page_info: PageInfo = strawberry.field(description="Where the page lies.")
    total_count: int = strawberry.field(description="Proposals on all pages.")


def number_of(global_id: strawberry.ID) -> int | None:
    """The number of the proposal that an id names, None when it names something else."""
    match node.decode(global_id):
        case "Proposal", [key]:
            return number(key)
    return None


async def find(info: Info, id_: int | None) -> Proposal | None:
    """A proposal that the viewer may see, None when there is none."""
    require_editor(info, "a proposal")
    row = None if id_ is None else await info.context.loaders.proposal_by_id.load(id_)
    return None if row is None or _only(info) not in (None, row.proposed_by) else Proposal(row=row)


async def connect(
    info: Info, year: int | None, status: rows.ProposalStatus | None, arguments: PageArguments
) -> ProposalConnection:
    """A page of the proposals that the viewer may see."""
    require_editor(info, "a list of proposals")
    key = PageKey(
        year, status, _only(info),
        _place(arguments.after), _place(arguments.before), arguments.size(), arguments.last is not None,
    )  # fmt: skip
    page = await review_page.page(info.context.pool, key)
    proposals = [Proposal(row=row) for row in page.proposals]
    cursors = [connection.encode(row.id) for row in page.proposals]
    return ProposalConnection(
        edges=[ProposalEdge(cursor=cursor, node=each) for cursor, each in zip(cursors, proposals, strict=True)],
        nodes=proposals,
        page_info=connection.page_info(
            cursors, has_next_page=page.end < page.total_count, has_previous_page=page.start > 0
        ),
        total_count=page.total_count,
    )


def _only(info: Info) -> str | None:
    """The subject whose proposals alone the viewer sees; None for everybody's."""
    viewer = info.context.viewer
    return None if viewer.role is Role.ADMIN else viewer.subject


def _place(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    place = number(connection.decode(cursor, 1)[0])
    if place is None:
        raise ClientError(f"{cursor!r} is not a cursor of this connection")
    return place
