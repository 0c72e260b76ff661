"""The GraphQL schema, assembled."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from api.schema.framework import Category, Indicator, Parameter
from api.schema.root import Mutation, Query, Subscription


def create_schema() -> strawberry.Schema:
    """The schema; `api.execution` executes it."""
    return strawberry.Schema(
        Query,
        Mutation,
        Subscription,
        types=[Category, Indicator, Parameter],
        config=StrawberryConfig(info_class=strawberry.Info),
    )


def sdl() -> str:
    """The schema as text; `schema.graphql` holds a copy."""
    return create_schema().as_str() + "\n"
