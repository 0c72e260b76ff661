"""One operation as a client sent it, whatever transport brought it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from api.error import RequestError

FindText: TypeAlias = Callable[[dict[str, Any]], str]
"""Gives the document of a request's fields."""


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """One operation as a client sent it."""

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None


def checked(fields: dict[str, Any], find_text: FindText) -> GraphQLRequest:
    """The operation of a request's fields."""
    variables, name = fields.get("variables"), fields.get("operationName")
    if variables is not None and not isinstance(variables, dict):
        raise RequestError(400, "BAD_REQUEST", "variables is not an object")
    if name is not None and not isinstance(name, str):
        raise RequestError(400, "BAD_REQUEST", "operationName is not a string")
    if not isinstance(fields.get("extensions"), dict | None):
        raise RequestError(400, "BAD_REQUEST", "extensions is not an object")
    return GraphQLRequest(find_text(fields), variables, name)
