"""Coroutines of one execution, so that those that nobody comes to await are closed."""

from inspect import CORO_CREATED, getcoroutinestate
from types import CoroutineType
from typing import Any, TypeGuard


class Coroutines:
    """The coroutines that resolvers and graphql-core have made for one execution.

    graphql-core wraps each in others and awaits the outermost. When the execution fails, runs out of time or is
    cancelled, those that have not begun would be left to the garbage collector, which warns of each.
    """

    def __init__(self) -> None:
        self._made: list[CoroutineType[Any, Any, Any]] = []

    def is_awaitable(self, value: Any) -> TypeGuard[Any]:
        """Whether a value must be awaited; graphql-core asks this of every value that it gets."""
        if isinstance(value, CoroutineType):
            self._made.append(value)
            return True
        return hasattr(value, "__await__")

    def close(self) -> None:
        """Close those that have not begun; the others end by themselves."""
        while self._made:
            close(self._made.pop())


def close(value: Any) -> None:
    """Close a coroutine that has not begun; leave any other value alone."""
    if isinstance(value, CoroutineType) and getcoroutinestate(value) == CORO_CREATED:
        value.close()
