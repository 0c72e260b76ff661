"""Errors that clients see: data in a payload, or a GraphQL error with a code."""

import strawberry
from graphql import GraphQLError

from db.proposal import Problem, ProblemCode

UserErrorCode = strawberry.enum(
    ProblemCode, name="UserErrorCode", description="Why an input is refused; stable, for programs."
)


@strawberry.type(description="One reason why an input was refused. Nothing of the input was kept.")
class UserError:
    code: UserErrorCode = strawberry.field(description="The kind of the error.")  # type: ignore[valid-type]
    message: str = strawberry.field(description="A sentence for people, naming the value.")
    path: list[str] = strawberry.field(
        description='Leads from the input to the offending value, e.g. ["scores", "3", "city"].'
    )

    @classmethod
    def of(cls, problem: Problem) -> "UserError":
        return cls(code=problem.code, message=problem.message, path=list(problem.path))


class ClientError(GraphQLError):
    """A failure that the client caused and may read; everything else is masked."""

    code = "BAD_USER_INPUT"

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions={"code": self.code})


class UnauthenticatedError(ClientError):
    """There is no token, and the operation needs one."""

    code = "UNAUTHENTICATED"


class ForbiddenError(ClientError):
    """The token does not allow this."""

    code = "FORBIDDEN"
