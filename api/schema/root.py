"""The three roots: what a client may ask for, change and follow."""

from collections.abc import AsyncGenerator
from typing import Any

import strawberry

from api.context import Info
from api.schema import (
    city,
    decision,
    lookup,
    member,
    methodology_change,
    node,
    proposal,
    ranking,
    review,
    simulation,
    submission,
    subscription,
    uncertainty,
)
from api.schema import edition as editions
from api.schema.city import City, CityConnection, CityFilter
from api.schema.column import MAY_WAIT
from api.schema.connection import PageArguments
from api.schema.decision import AcceptProposalPayload, RejectProposalPayload
from api.schema.edition import CloseEditionPayload, Edition, RetryRecomputationPayload
from api.schema.error import ClientError
from api.schema.framework import Category, categories
from api.schema.member import AddCityPayload
from api.schema.methodology_change import SubmitMethodologyPayload
from api.schema.node import Node
from api.schema.proposal import Proposal, ProposalConnection, ProposalStatus
from api.schema.ranking import Ranking
from api.schema.review import SetReviewRequiredPayload
from api.schema.simulation import SimulatedRanking
from api.schema.submission import Submission, SubmitScoresPayload
from api.schema.subscription import RankingRecomputed
from api.schema.uncertainty import RequestUncertaintyPayload


def _find_ranking(info: Info, edition: int | None = None, revision: int | None = None) -> Any:
    return ranking.find(info, edition, revision)


@strawberry.type(description="What can be read.")
class Query:
    @strawberry.field(description="Anything by its id; null when nothing has it.")
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:  # noqa: A002 - the contract's name
        return await lookup.find_node(info, id)

    @strawberry.field(description="Every edition, newest first.")
    def editions(self, info: Info) -> list[Edition]:
        return [Edition(entry=entry) for entry in info.context.index.catalogue.editions.values()]

    @strawberry.field(description="One edition; the newest that has a ranking when `year` is left out.")
    def edition(self, info: Info, year: int | None = None) -> Edition | None:
        year = max(info.context.newest, default=None) if year is None else year
        entry = None if year is None else info.context.index.catalogue.editions.get(year)
        return None if entry is None else Edition(entry=entry)

    @strawberry.field(
        description="The framework of an edition (the newest unless named), categories in their published order."
    )
    def categories(self, info: Info, edition: int | None = None) -> list[Category]:
        editions = info.context.index.catalogue.editions
        entry = editions.get(max(editions, default=0) if edition is None else edition)
        if entry is None:
            raise ClientError(f"there is no edition {edition}" if edition is not None else "no edition yet")
        return categories(entry.year, entry.framework)

    @strawberry.field(description="The city with that slug; null when there is none.")
    def city(self, info: Info, slug: str) -> City | None:
        row = info.context.index.catalogue.cities.get(slug)
        return None if row is None else City(row=row)

    @strawberry.field(description="A page of all cities, by name.")
    def cities(
        self,
        info: Info,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        filter: CityFilter | None = None,  # noqa: A002 - the contract's name
    ) -> CityConnection:
        return city.connect(info.context.index.catalogue, PageArguments(first, after, last, before), filter)

    ranking: Ranking | None = strawberry.field(
        resolver=_find_ranking,
        description="One immutable ranking: the newest edition's newest revision unless named. Null when there is "
        "no such ranking.",
        metadata=MAY_WAIT,
    )

    simulate_ranking: SimulatedRanking = strawberry.field(
        resolver=simulation.simulate_ranking,
        description="What the ranking would be with these scores; nothing is written.",
    )

    @strawberry.field(description="A submission by its id; null when there is none.")
    async def submission(self, info: Info, id: strawberry.ID) -> Submission | None:  # noqa: A002 - as above
        found = await lookup.find_node(info, id) if node.decode(id)[0] == "Submission" else None
        return found if isinstance(found, Submission) else None

    @strawberry.field(
        description="For editors, who see those of their token's subject, and admins: a proposal by its id; null when "
        "there is none."
    )
    async def proposal(self, info: Info, id: strawberry.ID) -> Proposal | None:  # noqa: A002 - as above
        return await proposal.find(info, proposal.number_of(id))

    @strawberry.field(
        description="For editors, who see those of their token's subject, and admins: a page of proposals, newest "
        "first."
    )
    async def proposals(
        self,
        info: Info,
        edition: int | None = None,
        status: ProposalStatus | None = None,  # type: ignore[valid-type]
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> ProposalConnection:
        return await proposal.connect(info, edition, status, PageArguments(first, after, last, before))


@strawberry.type(description="What can be changed; each needs a bearer token.")
class Mutation:
    submit_scores: SubmitScoresPayload = strawberry.field(
        resolver=submission.submit_scores,
        description="All scores of the call are accepted together, or none is. An editor's wait for an admin where "
        "the edition has `reviewRequired`.",
    )
    accept_proposal: AcceptProposalPayload = strawberry.field(
        resolver=decision.accept_proposal,
        description="For admins: apply a proposal as a submission, checked again; one that is refused waits on.",
    )
    reject_proposal: RejectProposalPayload = strawberry.field(
        resolver=decision.reject_proposal,
        description="For admins: reject a proposal with a reason, which its proposer can read.",
    )
    set_review_required: SetReviewRequiredPayload = strawberry.field(
        resolver=review.set_review_required,
        description="For admins: whether scores that editors submit to an edition wait for an admin. What waits "
        "already waits on.",
    )
    submit_methodology: SubmitMethodologyPayload = strawberry.field(
        resolver=methodology_change.submit_methodology,
        description="For admins: change an edition's weights, means, Top N or Hidden Champion rule.",
    )
    add_city: AddCityPayload = strawberry.field(
        resolver=member.add_city,
        description="For admins: compare one more city in an edition. It is ranked once it has an overall score.",
    )
    close_edition: CloseEditionPayload = strawberry.field(
        resolver=editions.close_edition,
        description="For admins: close an edition for good. It takes no more changes, and corrections of earlier "
        "editions do not change its ranking any more.",
    )
    retry_recomputation: RetryRecomputationPayload = strawberry.field(
        resolver=editions.retry_recomputation,
        description="For admins: have a parked edition tried again.",
    )
    request_uncertainty: RequestUncertaintyPayload = strawberry.field(
        resolver=uncertainty.request_uncertainty,
        description="For admins: ask a worker how sure the ranks of a ranking are.",
    )


@strawberry.type(description="What can be followed.")
class Subscription:
    ranking_recomputed: AsyncGenerator[RankingRecomputed] = strawberry.subscription(
        resolver=subscription.ranking_recomputed,
        description="The current ranking at once (unless its revision is <= `since`), then every newer one. "
        "Rankings are states: a slow or reconnecting client may miss revisions in between, never the newest.",
    )
