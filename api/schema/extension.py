"""What happens around every operation: a pinned revision, and errors that give nothing away."""

from collections.abc import Iterator
from typing import Any

from graphql import GraphQLError, GraphQLSyntaxError, get_operation_ast
from strawberry.extensions import MaskErrors, SchemaExtension

from api import guard
from db import telemetry
from db.pool import AWAY

log = telemetry.logger(__name__)


class Pin(SchemaExtension):
    """One operation sees one revision of each edition."""

    def on_operation(self) -> Iterator[None]:
        self.execution_context.context.pin()
        yield


class Stale(SchemaExtension):
    """Says of an answer from memory that it may not be the newest, while Postgres does not answer."""

    def get_results(self) -> dict[str, Any]:
        return {"stale": True} if self.execution_context.context.index.is_stale else {}


class Guard(SchemaExtension):
    """A document is measured before it is validated: validation itself is not linear in its length."""

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        assert context.graphql_document is not None
        operation = get_operation_ast(context.graphql_document, context.operation_name)
        if operation is not None:
            try:
                guard.check(context.graphql_document, operation, context.variables or {})
            except guard.LimitError as error:
                context.pre_execution_errors = [GraphQLError(str(error), extensions={"code": "LIMIT_EXCEEDED"})]
        yield


class Mask(MaskErrors):
    """Every error has a code; what the client did not cause is logged and replaced by its trace id."""

    def __init__(self) -> None:
        super().__init__(should_mask_error=lambda _: True)

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        """The error that the client reads."""
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
        masked = super().anonymise_error(error)
        masked.message = f"Internal error; its trace id is {telemetry.trace_id()}"
        masked.extensions = {"code": "INTERNAL"}
        return masked
