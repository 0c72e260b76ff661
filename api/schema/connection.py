"""Pages of a list, forwards and backwards, by cursors that name an item and never a position."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import strawberry

from api.error import ClientError
from api.operation.limits import MAX_PAGE_SIZE

DEFAULT_PAGE_SIZE = 20

T = TypeVar("T")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether items follow this page.")
    has_previous_page: bool = strawberry.field(description="Whether items precede this page.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first item; null when empty.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last item; null when empty.")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """The items of one page; `total_count` are on all pages."""

    items: Sequence[T]
    total_count: int
    cursor: Callable[[T], str]
    has_next_page: bool
    has_previous_page: bool

    @property
    def cursors(self) -> list[str]:
        return [self.cursor(item) for item in self.items]

    @property
    def page_info(self) -> PageInfo:
        return page_info(self.cursors, has_next_page=self.has_next_page, has_previous_page=self.has_previous_page)


@dataclass(frozen=True, slots=True)
class PageArguments:
    """`first` or `last` is 1 to 100; 20 forward when neither is given."""

    first: int | None
    after: str | None
    last: int | None
    before: str | None

    def size(self) -> int:
        """How many items the page has at most; raises `ClientError` for values that are not allowed."""
        if self.first is not None and self.last is not None:
            raise ClientError("first and last exclude each other: give one")
        for name, value in (("first", self.first), ("last", self.last)):
            if value is not None and not 1 <= value <= MAX_PAGE_SIZE:
                raise ClientError(f"{name} is {value}: it must be 1 to {MAX_PAGE_SIZE}")
        return self.last or self.first or DEFAULT_PAGE_SIZE


def page_info(cursors: Sequence[str], *, has_next_page: bool, has_previous_page: bool) -> PageInfo:
    """Where a page lies whose items have these cursors."""
    return PageInfo(
        has_next_page=has_next_page,
        has_previous_page=has_previous_page,
        start_cursor=cursors[0] if cursors else None,
        end_cursor=cursors[-1] if cursors else None,
    )


def page(items: Sequence[T], cursor: Callable[[T], str], start: int, end: int, arguments: PageArguments) -> Page[T]:
    """A page of `items[start:end]`, the part between the given cursors; *cursor* gives that of an item."""
    size = arguments.size()
    if arguments.last is None:
        end = min(end, start + size)
    else:
        start = max(start, end - size)
    end = max(start, end)
    return Page(items[start:end], len(items), cursor, end < len(items), start > 0)


def encode(*key: str | int) -> str:
    """The cursor of the item with that key; `decode` reads it back."""
    return base64.urlsafe_b64encode(":".join(str(part) for part in key).encode()).decode()


def decode(cursor: str, length: int) -> list[str]:
    """The key of *length* parts; raises `ClientError` when *cursor* was never a cursor of ours."""
    try:
        key = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().split(":")
    except (binascii.Error, ValueError):
        key = []
    if len(key) != length:
        raise ClientError(f"{cursor!r} is not a cursor of this connection")
    return key
