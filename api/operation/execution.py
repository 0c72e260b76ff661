"""Execution of operations, whatever door they come in by: one revision each, errors masked, time limited."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractContextManager, aclosing
from inspect import isawaitable
from typing import Any

import orjson
from graphql import ExecutionResult, GraphQLError, GraphQLSchema, OperationType
from graphql.execution import create_source_event_stream

from api.access.rate_limit import REFUSAL_COST, WRITE_COST, RateLimiter
from api.access.token import ANONYMOUS, Viewer
from api.error import DocumentError, RequestError, masked
from api.operation import limits
from api.operation.answer_cache import Answer, AnswerCache
from api.operation.context import Context
from api.operation.document import Documents, Operation, above
from api.operation.memory import Memory
from api.operation.request import GraphQLRequest
from api.operation.sharing import may_share
from api.planning.executor import PlanningExecutor, VariablesError
from db import tracing
from db.settings import Settings


class Unfinished:
    """An execution that waits for something; who has it finishes it or closes it."""

    def __init__(self, executor: PlanningExecutor, result: Awaitable[Any], timeout_seconds: float) -> None:
        self._executor = executor
        self._result = result
        self._timeout_seconds = timeout_seconds
        self.is_open = True

    async def finish(self) -> ExecutionResult:
        """The result; TIMEOUT is its error when it takes too long."""
        self.is_open = False
        try:
            async with asyncio.timeout(self._timeout_seconds):
                result = await self._result
        except TimeoutError:
            message = f"took longer than {self._timeout_seconds:g} seconds"
            return ExecutionResult(None, [GraphQLError(message, extensions={"code": "TIMEOUT"})])
        assert isinstance(result, ExecutionResult), "incremental delivery is off"
        return _masked(result)

    def close(self) -> None:
        """Give it up unless somebody has begun to wait for it."""
        if self.is_open:
            self.is_open = False
            self._executor.close()


class Execution:
    """Admits operations and executes them."""

    def __init__(
        self,
        schema: GraphQLSchema,
        settings: Settings,
        rate_limiter: RateLimiter,
        count_plan_failure: Callable[[], None] = lambda: None,
    ) -> None:
        self._schema = schema
        self._timeout_seconds = settings.request_timeout_seconds
        self.memory = Memory(settings.memory_mb)
        self.answers = AnswerCache(self.memory, "answers", is_on=settings.cache_answers)
        self.events = AnswerCache(self.memory, "events")
        self._documents = Documents(schema, settings, self.memory, count_plan_failure)
        self._rate_limiter = rate_limiter

    async def admit(self, request: GraphQLRequest, context: Context) -> Operation:
        """The operation that is asked for, paid for; raises `DocumentError` or `RequestError` when it is refused."""
        viewer, address = context.bearer, context.address
        self._rate_limiter.check(viewer, address)
        try:
            values = _count_values(request.variables, viewer) if request.variables else 0
            operation = self._documents.operation(request)
        except (DocumentError, RequestError):
            await self._rate_limiter.charge(viewer, address, REFUSAL_COST)
            raise
        context.report_cost(operation.cost, limits.LIMITS.cost)
        cost = operation.cost + WRITE_COST * operation.is_write + limits.VALUE_COST * values
        if not operation.document.is_paid:
            cost += operation.document.cost
        context.budget = await self._rate_limiter.charge(viewer, address, cost, is_write=operation.is_write)
        operation.document.is_paid = True
        return operation

    def begin(self, operation: Operation, request: GraphQLRequest, context: Context) -> "ExecutionResult | Unfinished":
        """The result of a query or mutation; unfinished where something must be waited for."""
        context.pin()
        try:
            executor = self._executor(operation, request, context)
        except DocumentError as error:
            return refused(error)
        result = executor.execute_operation()
        if isawaitable(result):
            return Unfinished(executor, result, self._timeout_seconds)
        assert isinstance(result, ExecutionResult), "incremental delivery is off"
        return _masked(result)

    async def answer(self, operation: Operation, request: GraphQLRequest, context: Context) -> ExecutionResult:
        """As `begin`, waited for."""
        with traced(operation):
            result = self.begin(operation, request, context)
            return result if isinstance(result, ExecutionResult) else await result.finish()

    async def stream(self, operation: Operation, request: GraphQLRequest, context: Context) -> AsyncGenerator[bytes]:
        """The answers as JSON: one to a query or mutation, one an event to a subscription.

        Raises `DocumentError` when nothing is executed, and when a subscription cannot go on.
        """
        if operation.node.operation is not OperationType.SUBSCRIPTION:
            context = context.renewed()
            result = await self.answer(operation, request, context)
            if is_refused(result):
                raise DocumentError(result.errors or [])
            yield json(result, context.notes())
            return
        executor = self._executor(operation, request, context)
        source: Any = create_source_event_stream(executor)
        if isawaitable(source):
            source = await source
        if isinstance(source, ExecutionResult):
            raise DocumentError(source.errors or [])
        try:
            async with aclosing(source):
                async for event in source:
                    yield await self._render(executor, operation, request, context, event)
        except GraphQLError as error:
            raise DocumentError([error]) from error
        finally:
            executor.close()

    async def _render(
        self, executor: PlanningExecutor, operation: Operation, request: GraphQLRequest, context: Context, event: Any
    ) -> bytes:
        """One event's answer, worked out once for all that follow with the same document; the first of them pays."""

        is_payer = False

        async def render() -> Answer:
            nonlocal is_payer
            is_payer = True
            await self._rate_limiter.charge(context.bearer, context.address, operation.cost)
            own = context.renewed()
            own.pin()
            parent = own.traceparent(event.snapshot.key[0])
            with tracing.span("subscription", "producer", parent, {"graphql.operation.type": "subscription"}):
                result = executor.of_event(event, own).execute_operation()
                if isawaitable(result):
                    result = await result
            assert isinstance(result, ExecutionResult), "incremental delivery is off"
            return Answer(json(_masked(result), own.notes()), may_share(result, own, is_event=True))

        # What a subscriber has seen decides which events it gets, not what is in them.
        variables = {
            name: value for name, value in (request.variables or {}).items() if name != operation.since_variable
        }
        key = context.key(GraphQLRequest(request.query, variables, request.operation_name), *event.snapshot.key)
        while True:
            if (answer := self.events.get(key)) is not None:
                return answer.body
            is_payer = False
            try:
                return (await self.events.compute(key, render)).body
            except RequestError as error:
                # Who has too little left waits, and is told of the newest ranking next; others do not wait for it.
                if is_payer:
                    await asyncio.sleep(float(error.headers.get("Retry-After", 1)))

    def _executor(self, operation: Operation, request: GraphQLRequest, context: Context) -> PlanningExecutor:
        """Raises `DocumentError` for variables that are wrong."""
        try:
            return operation.executor(self._schema).start(operation.document.plans, context, request.variables or {})
        except VariablesError as error:
            raise DocumentError(error.errors) from error


def _count_values(variables: dict[str, Any], viewer: Viewer) -> int:
    try:
        return limits.count_values(variables, limits.MOST_VALUES if viewer is ANONYMOUS else None)
    except limits.LimitError as error:
        raise above(error) from error


def traced(operation: Operation) -> AbstractContextManager[None]:
    """A span around the execution of an operation."""
    kind, name = operation.node.operation.value, operation.node.name
    named = {} if name is None else {"graphql.operation.name": name.value}
    return tracing.span(kind, attributes={"graphql.operation.type": kind, **named})


def refused(error: DocumentError) -> ExecutionResult:
    """The result of an operation that is not executed."""
    return ExecutionResult(None, [masked(each) for each in error.errors])


def is_refused(result: ExecutionResult) -> bool:
    """Whether nothing was executed: the document or its variables are wrong, so no error has a path."""
    return result.data is None and all(error.path is None for error in result.errors or ())


def json(result: ExecutionResult, notes: dict[str, Any] | None = None) -> bytes:
    """A result as clients read it, with what it says about itself."""
    body: dict[str, Any] = {} if is_refused(result) else {"data": result.data}
    if result.errors:
        body["errors"] = [error.formatted for error in result.errors]
    if notes:
        body["extensions"] = notes
    # A copy: orjson keeps its buffer, of 1 kB at least, with what it gives.
    return bytes(memoryview(orjson.dumps(body)))


def _masked(result: ExecutionResult) -> ExecutionResult:
    return ExecutionResult(result.data, [masked(error) for error in result.errors]) if result.errors else result
