"""What happens around every operation that Strawberry executes: those over WebSocket, and every stream."""

from collections.abc import Iterator
from typing import Any

from graphql import GraphQLError, get_operation_ast
from strawberry.extensions import MaskErrors, SchemaExtension

from api import guard
from api.schema.masking import masked


class Pin(SchemaExtension):
    """One operation sees one revision of each edition."""

    def on_operation(self) -> Iterator[None]:
        self.execution_context.context.pin()
        yield


class Stale(SchemaExtension):
    """Says of an answer from memory that it may not be the newest, while Postgres does not answer."""

    def get_results(self) -> dict[str, Any]:
        notes: dict[str, Any] = self.execution_context.context.notes()
        return notes


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
    """Every error has a code and gives nothing away."""

    def __init__(self) -> None:
        super().__init__(should_mask_error=lambda _: True)

    def anonymise_error(self, error: GraphQLError) -> GraphQLError:
        return masked(error)
