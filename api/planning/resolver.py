"""Calls resolvers directly: Strawberry converts the arguments of each call, and most need no conversion."""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import strawberry
from graphql import (
    GraphQLField,
    GraphQLInputType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    get_nullable_type,
    is_specified_scalar_type,
)
from strawberry.types.field import StrawberryField

from api.planning.library import DEFINITION

Resolve = Callable[..., Any]


def call_directly(schema: GraphQLSchema) -> None:
    """Replace the resolver of every field of *schema* for which the same call can be made with less ado."""
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and type_ is not schema.subscription_type:
            for field in type_.fields.values():
                definition = strawberry_field(field)
                if definition is not None and not definition.extensions and field.resolve is not None:
                    field.resolve = _direct(definition, field, field.resolve)


def strawberry_field(field: GraphQLField) -> StrawberryField | None:
    """What Strawberry knows of a field; None for one of introspection."""
    found = field.extensions.get(DEFINITION)
    return found if isinstance(found, StrawberryField) else None


def of_object_alone(definition: StrawberryField) -> Callable[[Any], Any] | None:
    """What gives the value of a field that depends on nothing but its object; None for others."""
    resolver = definition.base_resolver
    if resolver is None:
        return attrgetter(definition.python_name)
    if resolver.self_parameter is None or resolver.info_parameter is not None or resolver.arguments:
        return None
    own: Callable[[Any], Any] = resolver.wrapped_func  # type: ignore[assignment]
    return own


def of_object_and_info(definition: StrawberryField) -> Callable[..., Any] | None:
    """What gives the value of a field from its object and `info`, Strawberry's; None for others."""
    resolver = definition.base_resolver
    if resolver is None or None in (resolver.self_parameter, resolver.info_parameter) or resolver.arguments:
        return None
    own: Callable[..., Any] = resolver.wrapped_func  # type: ignore[assignment]
    return own


def _direct(definition: StrawberryField, field: GraphQLField, by_strawberry: Resolve) -> Resolve:
    if (get := of_object_alone(definition)) is not None:
        return lambda source, _: get(source)
    if (get_with := of_object_and_info(definition)) is not None:
        return lambda source, info: get_with(source, info=strawberry.Info(info, definition))
    resolver = definition.base_resolver
    assert resolver is not None, "without one the field is an attribute"
    own: Resolve = resolver.wrapped_func  # type: ignore[assignment]
    has_self, has_info = resolver.self_parameter is not None, resolver.info_parameter is not None
    names = {name: each.python_name for name, each in zip(field.args, definition.arguments, strict=True)}
    converted = [name for name, argument in field.args.items() if not _is_scalar(argument.type)]

    def resolve(source: Any, info: Any, **given: Any) -> Any:
        # Enums and inputs are made into what the resolver knows; null is null.
        if any(given.get(name) is not None for name in converted):
            return by_strawberry(source, info, **given)
        arguments = {names[name]: value for name, value in given.items()}
        if has_info:
            arguments["info"] = strawberry.Info(info, definition)
        return own(source, **arguments) if has_self else own(**arguments)

    return resolve


def _is_scalar(type_: GraphQLInputType) -> bool:
    nullable: object = get_nullable_type(type_)
    return isinstance(nullable, GraphQLScalarType) and is_specified_scalar_type(nullable)
