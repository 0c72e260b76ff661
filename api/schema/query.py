"""The root `Query`: what a client may ask for."""

from typing import Any

import strawberry

from api.error import ClientError
from api.operation.context import Info
from api.planning.view import MAY_WAIT
from api.schema import node
from api.schema.connection import PageArguments
from api.schema.node import Node
from api.schema.type import city, lookup, proposal, ranking, simulation
from api.schema.type.city import City, CityConnection, CityFilter
from api.schema.type.edition import Edition
from api.schema.type.framework import Category, categories
from api.schema.type.proposal import Proposal, ProposalConnection, ProposalStatus
from api.schema.type.ranking import Ranking
from api.schema.type.simulation import SimulatedRanking
from api.schema.type.submission import Submission
from api.schema.type.viewer import Viewer, viewer_of


def _find_ranking(info: Info, edition: int | None = None, revision: int | None = None) -> Any:
    return ranking.find(info, edition, revision)


@strawberry.type(description="What can be read.")
class Query:
    @strawberry.field(description="Anything by its id; null when nothing has it.")
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:  # noqa: A002 - the contract's name
        return await lookup.find_node(info, id)

    @strawberry.field(description="Every edition, newest first.")
    def editions(self, info: Info) -> list[Edition]:
        return [Edition(entry=entry) for entry in info.context.live.catalogue.editions.values()]

    @strawberry.field(description="One edition; the newest that has a ranking when `year` is left out.")
    def edition(self, info: Info, year: int | None = None) -> Edition | None:
        year = info.context.newest_edition if year is None else year
        entry = None if year is None else info.context.live.catalogue.editions.get(year)
        return None if entry is None else Edition(entry=entry)

    @strawberry.field(
        description="The framework of an edition (the newest unless named), categories in their published order."
    )
    def categories(self, info: Info, edition: int | None = None) -> list[Category]:
        editions = info.context.live.catalogue.editions
        newest = max((year for year, each in editions.items() if each.is_published), default=0)
        entry = editions.get(newest if edition is None else edition)
        if entry is None:
            raise ClientError(f"there is no edition {edition}" if edition is not None else "no edition yet")
        return categories(entry.year, entry.framework)

    @strawberry.field(description="The city with that slug; null when there is none.")
    def city(self, info: Info, slug: str) -> City | None:
        row = info.context.live.catalogue.cities.get(slug)
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
        return city.connect(info.context.live.catalogue, PageArguments(first, after, last, before), filter)

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

    @strawberry.field(description="Who asks.")
    def viewer(self, info: Info) -> Viewer:
        return viewer_of(info)

    @strawberry.field(description="Every Bundesland that has a city, by name.")
    def states(self, info: Info) -> list[str]:
        return sorted({row.state for row in info.context.live.catalogue.cities.values()})

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
