"""`addCity`: an admin has one more city compared in an edition."""

import strawberry

from api.operation.context import Info
from api.schema.mutation.writing import SubmissionInput, SubmissionPayload, submit
from api.schema.permission import require_admin
from db.change.member_proposal import MemberProposal


@strawberry.input(description="A city to compare in one edition.")
class AddCityInput(SubmissionInput):
    city: str = strawberry.field(description="Slug: lower-case letters and digits joined by hyphens.")
    population: int = strawberry.field(description="Inhabitants; more than the methodology's `minPopulation`.")
    name: str | None = strawberry.field(default=None, description="Needed for a city that no edition has yet.")
    state: str | None = strawberry.field(default=None, description="Bundesland, needed like the name.")


@strawberry.type(description="What became of a call: a submission, or the reasons why there is none.")
class AddCityPayload(SubmissionPayload):
    pass


async def add_city(info: Info, input: AddCityInput) -> AddCityPayload:  # noqa: A002 - the schema's name
    """Compare one more city in an edition; it is ranked once it has an overall score."""
    require_admin(info, "addCity")
    proposal = MemberProposal(
        input.edition,
        input.city,
        input.population,
        input.name,
        input.state,
        **input.shared(),
    )
    submission, errors = await submit(info, proposal)
    return AddCityPayload(submission=submission, errors=errors)
