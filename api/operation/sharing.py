"""The one rule of what others may get of an answer; everything that keeps or shares an answer asks it."""

from graphql import ExecutionResult

from api.operation.answer_cache import Sharing
from api.operation.context import Context


def may_share(result: ExecutionResult, context: Context, *, is_event: bool = False) -> Sharing:
    """With whom an answer may be shared that was worked out with *context*.

    What was read from memory alone depends on the answer's key, so all who ask for the same may get it. What depends
    on the viewer, went wrong, or is said of this operation alone (`stale`, `cost`) is for who asked. An
    answer that was read from Postgres is not shared, except that of an event: subscribers who are told of the event at
    that moment get the same.
    """
    if result.errors or context.notes() or context.depends_on_viewer:
        return Sharing.NEVER
    if context.is_pure:
        return Sharing.ALWAYS
    return Sharing.NOW if is_event else Sharing.NEVER
