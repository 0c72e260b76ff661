"""The GraphQL schema, assembled."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from api.schema.framework import Category, Indicator, Parameter
from api.schema.resolver import call_directly
from api.schema.root import Mutation, Query, Subscription


def create_schema() -> strawberry.Schema:
    """The schema; `api.execution` executes it."""
    schema = strawberry.Schema(
        Query,
        Mutation,
        Subscription,
        types=[Category, Indicator, Parameter],
        config=StrawberryConfig(info_class=strawberry.Info),
    )
    call_directly(schema._schema)
    return schema


def sdl() -> str:
    """The schema as text; `schema.graphql` holds a copy."""
    return create_schema().as_str() + "\n"
