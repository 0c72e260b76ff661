"""Bounds of arguments: how long a string, an id and a list may be, for every field of the schema.

A bound goes by the name of the argument or of the input's field (`limits.LONGEST`), and by a default otherwise, so
that a new argument has one without anyone thinking of it. Values are looked at where a resolver is called: there
literals and variables, of all transports, are alike.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    get_nullable_type,
)

from api.error import ClientError
from api.operation import limits

TEXTS = frozenset({"String", "ID"})

Check: TypeAlias = Callable[[Any, str], None]
"""Raises `ClientError` for a value that is too large; the second argument is the path of the value."""


def bound_arguments(schema: GraphQLSchema) -> None:
    """Let every field of *schema* refuse arguments that are larger than they can mean."""
    inputs: dict[str, dict[str, Check]] = {}
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType):
            for field in type_.fields.values():
                checks = _checks(field.args, inputs)
                if checks:
                    _guard(field, checks)


def _guard(field: GraphQLField, checks: dict[str, Check]) -> None:
    def checked(call: Callable[..., Any]) -> Callable[..., Any]:
        def resolve(source: Any, info: Any, **arguments: Any) -> Any:
            for name, check in checks.items():
                value = arguments.get(name)
                if value is not None:
                    check(value, name)
            return call(source, info, **arguments)

        return resolve

    if field.resolve is not None:
        field.resolve = checked(field.resolve)
    if field.subscribe is not None:
        field.subscribe = checked(field.subscribe)


def _checks(
    fields: Mapping[str, GraphQLArgument] | Mapping[str, GraphQLInputField], inputs: dict[str, dict[str, Check]]
) -> dict[str, Check]:
    """The checks of those arguments, or fields of an input, that can be too large."""
    checks = ((name, _check(field.type, name, inputs)) for name, field in fields.items())
    return {name: check for name, check in checks if check is not None}


def _check(type_: GraphQLInputType, name: str, inputs: dict[str, dict[str, Check]]) -> Check | None:
    kind: Any = get_nullable_type(type_)
    if isinstance(kind, GraphQLScalarType):
        return _text(limits.LONGEST.get(name, limits.NAME_CHARACTERS)) if kind.name in TEXTS else None
    if isinstance(kind, GraphQLList):
        item = _check(kind.of_type, "", inputs)
        return _list(limits.LONGEST.get(name, limits.LIST_ITEMS), item)
    if isinstance(kind, GraphQLInputObjectType):
        if kind.name not in inputs:
            inputs[kind.name] = {}  # an input may be in itself
            inputs[kind.name].update(_checks(kind.fields, inputs))
        return _input(inputs[kind.name])
    return None


def _text(most: int) -> Check:
    def check(value: Any, path: str) -> None:
        if len(value) > most:
            raise ClientError(f"{path} has {len(value)} characters: {most} are allowed")

    return check


def _list(most: int, item: Check | None) -> Check:
    def check(value: Any, path: str) -> None:
        if len(value) > most:
            raise ClientError(f"{path} has {len(value)} items: {most} are allowed")
        if item is not None:
            for index, each in enumerate(value):
                if each is not None:
                    item(each, f"{path}.{index}")

    return check


def _input(checks: dict[str, Check]) -> Check:
    def check(value: Any, path: str) -> None:
        for name, inner in checks.items():
            if value.get(name) is not None:
                inner(value[name], f"{path}.{name}")

    return check
