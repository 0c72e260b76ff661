"""The GraphQL schema, assembled."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from api.operation.argument import bound_arguments
from api.planning.library import core_schema
from api.planning.resolver import call_directly
from api.schema.mutation import Mutation
from api.schema.query import Query
from api.schema.subscription import Subscription
from api.schema.type.framework import Category, Indicator, Parameter


def create_schema() -> strawberry.Schema:
    """The schema, which `api.operation.execution` executes."""
    schema = strawberry.Schema(
        Query,
        Mutation,
        Subscription,
        types=[Category, Indicator, Parameter],
        config=StrawberryConfig(info_class=strawberry.Info),
    )
    call_directly(core_schema(schema))
    bound_arguments(core_schema(schema))
    return schema


def sdl() -> str:
    """The schema as text; `schema.graphql` holds a copy."""
    return create_schema().as_str() + "\n"
