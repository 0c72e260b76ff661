"""Who asks, as the token says."""

from datetime import UTC, datetime

import strawberry

from api.access import token
from api.access.token import ANONYMOUS
from api.operation.context import Info
from api.schema.type.city import City

Role = strawberry.enum(
    token.Role,
    name="Role",
    description="READER: reads. EDITOR: also submits scores of some cities. ADMIN: also changes anything else.",
)


@strawberry.type(description="Who asks, as the bearer token says.")
class Viewer:
    row: strawberry.Private[token.Viewer]

    @strawberry.field(description="Null: without a token.")
    def subject(self) -> str | None:
        return None if self.row is ANONYMOUS else self.row.subject

    @strawberry.field(description="What the token allows; READER without one.")
    def role(self) -> Role:  # type: ignore[valid-type]
        return self.row.role

    @strawberry.field(description="An editor's cities.")
    def cities(self, info: Info) -> list[City]:
        known = City.all_of(info.context.live.catalogue)
        return [known[slug] for slug in self.row.cities if slug in known]

    @strawberry.field(description="From when on the token is refused; null without one.")
    def expires_at(self) -> datetime | None:
        return None if self.row.expires_at is None else datetime.fromtimestamp(self.row.expires_at, UTC)


def viewer_of(info: Info) -> Viewer:
    """Who asks. The answer is this client's alone."""
    info.context.is_pure = False
    return Viewer(row=info.context.viewer)
