"""The GraphQL schema, assembled."""

import strawberry
from graphql import GraphQLError
from strawberry.extensions import MaxTokensLimiter
from strawberry.schema.config import StrawberryConfig
from strawberry.types.execution import ExecutionContext

from api.schema.extension import Guard, Mask, Pin, Stale
from api.schema.framework import Category, Indicator, Parameter
from api.schema.root import Mutation, Query, Subscription
from db.settings import Settings


class Schema(strawberry.Schema):
    """Leaves logging to `Mask`, which tells what the client caused from what is our fault."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Log nothing: a client could fill the log with errors of its own."""


def create_schema(settings: Settings) -> strawberry.Schema:
    """The schema with the settings' limits on documents."""
    return Schema(
        Query,
        Mutation,
        Subscription,
        types=[Category, Indicator, Parameter],
        extensions=[Pin, Mask, Stale, Guard, lambda: MaxTokensLimiter(settings.document_token_limit)],
        config=StrawberryConfig(info_class=strawberry.Info),
    )


def sdl() -> str:
    """The schema as text; `schema.graphql` holds a copy."""
    return create_schema(Settings()).as_str() + "\n"
