"""Errors as clients read them: each has a code, and none gives anything away."""

from graphql import GraphQLError, GraphQLSyntaxError

from db import telemetry
from db.pool import AWAY

log = telemetry.logger(__name__)


def masked(error: GraphQLError) -> GraphQLError:
    """The error that the client reads; what the client did not cause is logged, and replaced by its trace id."""
    # graphql-core's own refusals, of a variable's value for one, wrap a GraphQLError or nothing.
    if error.original_error is None or isinstance(error.original_error, GraphQLError):
        syntax = isinstance(error, GraphQLSyntaxError)
        code = "GRAPHQL_PARSE_FAILED" if syntax else "GRAPHQL_VALIDATION_FAILED"
        error.extensions = {"code": code, **(error.extensions or {})}
        return error
    if isinstance(error.original_error, AWAY):
        log.warning("postgres is away", error=repr(error.original_error))
        message = "the database does not answer: try again, a mutation with an idempotency key"
        return GraphQLError(message, nodes=error.nodes, path=error.path, extensions={"code": "UNAVAILABLE"})
    log.error("resolver failed", path=error.path, exc_info=error.original_error)
    message = f"Internal error; its trace id is {telemetry.trace_id()}"
    return GraphQLError(message, nodes=error.nodes, path=error.path, extensions={"code": "INTERNAL"})
