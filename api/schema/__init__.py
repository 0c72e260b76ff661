"""The GraphQL schema, assembled."""

from inspect import isawaitable

import strawberry
from graphql import ExecutionResult, GraphQLError
from strawberry.extensions import MaxTokensLimiter
from strawberry.schema.config import StrawberryConfig
from strawberry.types.execution import ExecutionContext

from api.context import Context
from api.document import Documents, Operation
from api.executor import PlanningExecutor
from api.request import GraphQLRequest
from api.schema.extension import Guard, Mask, Pin, Stale
from api.schema.framework import Category, Indicator, Parameter
from api.schema.masking import masked
from api.schema.root import Mutation, Query, Subscription
from db.settings import Settings


class Schema(strawberry.Schema):
    """Executes single operations by itself: Strawberry would parse and validate each anew."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            Query,
            Mutation,
            Subscription,
            types=[Category, Indicator, Parameter],
            extensions=[Pin, Mask, Stale, Guard, lambda: MaxTokensLimiter(settings.document_token_limit)],
            execution_context_class=PlanningExecutor,
            config=StrawberryConfig(info_class=strawberry.Info),
        )
        self.documents = Documents(self._schema, settings.document_token_limit)

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log nothing: a client could fill the log with errors of its own, and `masked` logs ours."""

    async def answer(self, operation: Operation, asked: GraphQLRequest, context: Context) -> ExecutionResult:
        """The result of a query or mutation, its errors masked."""
        context.pin()
        executor = PlanningExecutor.build(
            self._schema,
            operation.document.node,
            context_value=context,
            raw_variable_values=asked.variables,
            operation_name=asked.operation_name,
        )
        if isinstance(executor, list):
            return refused(executor)
        assert isinstance(executor, PlanningExecutor)
        executor.plans = operation.document.plans
        result = executor.execute_operation()
        if isawaitable(result):
            result = await result
        assert isinstance(result, ExecutionResult), "incremental delivery is off"
        result.errors = [masked(error) for error in result.errors] if result.errors else None
        return result


def refused(errors: list[GraphQLError]) -> ExecutionResult:
    """The result of an operation that is not executed."""
    return ExecutionResult(data=None, errors=[masked(error) for error in errors])


def sdl() -> str:
    """The schema as text; `schema.graphql` holds a copy."""
    return Schema(Settings()).as_str() + "\n"
