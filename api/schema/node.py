"""Global ids: base64 of the type's name and its natural key."""

import base64
import binascii
from abc import abstractmethod

import strawberry

from api.error import ClientError
from db.postgres.pool import LARGEST_INTEGER


@strawberry.interface(description="Anything that has an id of its own; `node` finds it by that id.")
class Node:
    @strawberry.field(description="Global id, stable for ever.")
    def id(self) -> strawberry.ID:
        return encode(type(self).__name__, *self.key())

    @abstractmethod
    def key(self) -> tuple[str | int, ...]:
        """The natural key, unique among nodes of this type."""


def encode(typename: str, *key: str | int) -> strawberry.ID:
    """The global id of a node; `decode` reads it back."""
    text = ":".join([typename, *(str(part) for part in key)])
    return strawberry.ID(base64.urlsafe_b64encode(text.encode()).decode())


def decode(global_id: str) -> tuple[str, list[str]]:
    """Type name and key; raises `ClientError` when *global_id* was never an id of ours."""
    try:
        typename, *key = base64.b64decode(global_id, altchars=b"-_", validate=True).decode().split(":")
    except (binascii.Error, ValueError):
        raise ClientError(f"{global_id!r} is not an id") from None
    return typename, key


def number(part: str) -> int | None:
    """A year or revision of a key; None when it cannot be one."""
    value = int(part) if part.isascii() and part.isdigit() and len(part) <= 10 else -1
    return value if 0 <= value <= LARGEST_INTEGER else None
