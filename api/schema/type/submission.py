"""Submissions: score updates by mutation, and what became of them."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry.utils.await_maybe import await_maybe

from api.access.token import ANONYMOUS, Role, Viewer
from api.operation.context import Info
from api.schema.connection import PageArguments
from api.schema.node import Node
from api.schema.permission import require_admin
from api.schema.type import audit, edition, ranking
from api.schema.type import proposal as proposals
from db.change import submission as rows
from db.index.definition import FieldChange as FieldChangeRow

if TYPE_CHECKING:
    from api.schema.type.audit import ScoreChangeConnection
    from api.schema.type.edition import Edition
    from api.schema.type.proposal import Proposal
    from api.schema.type.ranking import Ranking


@strawberry.enum(description="ACCEPTED: stored. RANKED: a ranking contains it.")
class SubmissionStatus(StrEnum):
    ACCEPTED = "accepted"
    RANKED = "ranked"


@strawberry.type(
    description="A field of an edition's methodology, framework or membership that a submission changed. Values are "
    "text; null values: there was, or is, nothing."
)
class FieldChange:
    row: strawberry.Private[FieldChangeRow]

    @strawberry.field(description="Code of a measure or slug of a city; null for the methodology.")
    def subject(self) -> str | None:
        return self.row.subject

    @strawberry.field(description="What changed, e.g. `weight` or `top_n`.")
    def field(self) -> str:
        return self.row.field

    @strawberry.field(description="Before.")
    def old_value(self) -> str | None:
        return self.row.old

    @strawberry.field(description="Since then.")
    def new_value(self) -> str | None:
        return self.row.new


@strawberry.type(description="Changes of an edition that were accepted together.")
class Submission(Node):
    row: strawberry.Private[rows.Submission]

    @property
    def _key(self) -> tuple[int, int]:
        return self.row.edition, self.row.revision

    def key(self) -> tuple[str | int, ...]:
        return self._key

    @strawberry.field(description="The edition that it changed.")
    def edition(self, info: Info) -> Annotated["Edition", strawberry.lazy("api.schema.type.edition")]:
        return edition.Edition(entry=info.context.live.catalogue.editions[self.row.edition])

    @strawberry.field(description="The edition's revision that this submission made.")
    def revision(self) -> int:
        return self.row.revision

    @strawberry.field(description="When it was accepted.")
    def submitted_at(self) -> datetime:
        return self.row.submitted_at

    @strawberry.field(description="Subject of the token that submitted it. Null for all but admins and the submitter.")
    def submitted_by(self, info: Info) -> str | None:
        return self.row.submitted_by if self._is_seen_by(info.context.viewer) else None

    @strawberry.field(description="Where it says it comes from. Null for all but admins and the submitter.")
    def source(self, info: Info) -> str | None:
        return self.row.source if self._is_seen_by(info.context.viewer) else None

    def _is_seen_by(self, viewer: Viewer) -> bool:
        return viewer.role is Role.ADMIN or (viewer is not ANONYMOUS and viewer.subject == self.row.submitted_by)

    @strawberry.field(description="For admins: the scores that it changed.")
    async def changes(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> Annotated["ScoreChangeConnection", strawberry.lazy("api.schema.type.audit")]:
        return await audit.of_submission(info, self._key, PageArguments(first, after, last, before))

    @strawberry.field(description="For admins: what it changed in the methodology, the framework or the membership.")
    async def field_changes(self, info: Info) -> list[FieldChange]:
        require_admin(info, "the audit")
        return [FieldChange(row=row) for row in await info.context.loaders.field_changes_by_key.load(self._key)]

    @strawberry.field(description="For admins: the proposal that was accepted by it; null when none was.")
    async def proposal(self, info: Info) -> Annotated["Proposal", strawberry.lazy("api.schema.type.proposal")] | None:
        require_admin(info, "the audit")
        row = await info.context.loaders.proposal_by_submission.load(self._key)
        return None if row is None else proposals.Proposal(row=row)

    @strawberry.field(
        description="Scores, fields or cities that it changed; a score that was recorded already does not count."
    )
    def change_count(self) -> int:
        return self.row.change_count

    @strawberry.field(description="Whether a ranking contains it.")
    async def status(self, info: Info) -> SubmissionStatus:
        ranked = await self._ranked(info) is not None
        return SubmissionStatus.RANKED if ranked else SubmissionStatus.ACCEPTED

    @strawberry.field(description="The first ranking that contains it; null until it is computed.")
    async def ranking(self, info: Info) -> Annotated["Ranking", strawberry.lazy("api.schema.type.ranking")] | None:
        revision = await self._ranked(info)
        return None if revision is None else await await_maybe(ranking.find(info, self.row.edition, revision))

    async def _ranked(self, info: Info) -> int | None:
        revision = await info.context.loaders.first_ranked_revision_from.load(self._key)
        if revision is not None and revision > info.context.live.newest.get(self.row.edition, 0):
            # Who has read RANKED must not be shown an older ranking next.
            await info.context.live.refresh()
        return revision
