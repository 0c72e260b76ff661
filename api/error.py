"""The errors that clients see: an HTTP refusal, a refused document, a GraphQL error with a code, or data in a payload.

`masked` decides what a client reads of any other failure: its trace id and nothing else.
"""

from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLSyntaxError

from db import telemetry
from db.change.proposal import Problem, ProblemCode
from db.excerpt import shortened
from db.postgres.pool import AWAY

log = telemetry.logger(__name__)


class RequestError(Exception):
    """A request that is answered without executing anything."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: dict[str, str] | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(shortened(message))
        self.status = status
        self.headers = headers or {}
        self.extensions = {"code": code, **(details or {})}

    @property
    def formatted(self) -> dict[str, Any]:
        """As an error of a GraphQL answer."""
        return {"message": str(self), "extensions": self.extensions}


class DocumentError(Exception):
    """A document that is not executed; `errors` say why."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors)
        self.errors = errors


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
        return cls(code=problem.code, message=shortened(problem.message), path=list(problem.path))


class ClientError(GraphQLError):
    """A failure that the client caused and may read; everything else is masked."""

    code = "BAD_USER_INPUT"

    def __init__(self, message: str) -> None:
        super().__init__(shortened(message), extensions={"code": self.code})


class UnauthenticatedError(ClientError):
    """There is no token, and the operation needs one."""

    code = "UNAUTHENTICATED"


class ForbiddenError(ClientError):
    """The token does not allow this."""

    code = "FORBIDDEN"


def masked(error: GraphQLError) -> GraphQLError:
    """The error that the client reads; what the client did not cause is logged, and replaced by its trace id."""
    # graphql-core's own refusals, of a variable's value for one, wrap a GraphQLError or nothing.
    if error.original_error is None or isinstance(error.original_error, GraphQLError):
        syntax = isinstance(error, GraphQLSyntaxError)
        code = "GRAPHQL_PARSE_FAILED" if syntax else "GRAPHQL_VALIDATION_FAILED"
        error.extensions = {"code": code, **(error.extensions or {})}
        error.message = shortened(error.message)
        return error
    if isinstance(error.original_error, AWAY):
        log.warning("postgres is away", error=repr(error.original_error))
        message = "the database does not answer: try again, a mutation with an idempotency key"
        return GraphQLError(message, nodes=error.nodes, path=error.path, extensions={"code": "UNAVAILABLE"})
    log.error("resolver failed", path=error.path, exc_info=error.original_error)
    message = f"Internal error; its trace id is {telemetry.trace_id()}"
    return GraphQLError(message, nodes=error.nodes, path=error.path, extensions={"code": "INTERNAL"})
