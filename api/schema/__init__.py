"""The GraphQL schema, assembled."""

import strawberry
from strawberry.extensions import MaxTokensLimiter
from strawberry.schema.config import StrawberryConfig

from api.schema.extension import Mask, Pin
from api.schema.framework import Category, Indicator, Parameter
from api.schema.root import Mutation, Query, Subscription
from db.settings import Settings


def create_schema(settings: Settings) -> strawberry.Schema:
    """The schema with the settings' limits on documents."""
    return strawberry.Schema(
        Query,
        Mutation,
        Subscription,
        types=[Category, Indicator, Parameter],
        extensions=[Pin, Mask, lambda: MaxTokensLimiter(settings.document_token_limit)],
        config=StrawberryConfig(info_class=strawberry.Info),
    )


def sdl() -> str:
    """The schema as text; `schema.graphql` holds a copy."""
    return create_schema(Settings()).as_str() + "\n"
