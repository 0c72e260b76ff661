"""graphql-core's executor, with plans (see `api.planning.plan`) for selections on plain data."""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    default_field_resolver,
    default_type_resolver,
)
from graphql.pyutils import Path

from api.planning.completion import UnplannedError
from api.planning.coroutine import Coroutines
from api.planning.library import (
    CollectedErrors,
    ExecutorThrowingOnIncremental,
    FieldDetailsList,
    FragmentDetails,
    GroupedFieldSet,
    VariableValues,
    build_resolve_info,
    collect_fields,
    get_variable_values,
)
from api.planning.plan import Plan
from api.planning.plan_cache import Plans
from api.planning.view import ViewList
from db import telemetry

log = telemetry.logger(__name__)

# What plain execution answers by design: a value to wait for, a null where none may be, an input that is refused.
EXPECTED = (UnplannedError, GraphQLError)


class VariablesError(Exception):
    """Variables are not of the types that the operation declares; `errors` say why."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        super().__init__(errors)
        self.errors = errors


class PlanningExecutor(ExecutorThrowingOnIncremental):
    """Answers objects and lists of objects by a plan where there is one, and plainly when the plan fails.

    After one failure the rest of the operation is executed plainly: trying again at each level below would make
    its cost grow with the depth.
    """

    operation_extensions = None  # what Strawberry's fields look for; nobody sends any
    plans: Plans
    is_planning: bool
    variables_key: bytes
    variables_bytes: int
    coroutines: Coroutines

    @classmethod
    def prepare(
        cls,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        *,
        hide_suggestions: bool = False,
    ) -> "PlanningExecutor":
        """An executor of an operation that `start` makes others of, which takes a fifth of the time of a new one."""
        fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
        prepared = cls(
            schema,
            fragments,
            {name: FragmentDetails(fragment) for name, fragment in fragments.items()},
            None,
            None,
            operation,
            VariableValues({}, {}),
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
        )
        prepared.hide_suggestions = hide_suggestions
        return prepared

    def start(
        self, plans: Plans, context: Any, variables: dict[str, Any], *, is_planning: bool = True
    ) -> "PlanningExecutor":
        """An executor for one execution; raises `VariablesError` for variables that are wrong."""
        values = self.variable_values
        if self.operation.variable_definitions:
            coerced = get_variable_values(
                self.schema,
                self.operation.variable_definitions,
                variables,
                max_errors=50,
                hide_suggestions=self.hide_suggestions,
            )
            if isinstance(coerced, list):
                raise VariablesError(coerced)
            values = coerced
        text = repr(values.coerced).encode() if values.coerced else b""
        executor = object.__new__(type(self))
        executor.__dict__ = self.__dict__ | {
            "context_value": context,
            "variable_values": values,
            "variables_key": hashlib.sha256(text).digest() if text else b"",
            "variables_bytes": 2 * len(text),
            "collected_errors": CollectedErrors(),
            "pending_incremental_futures": set(),
            "background_futures": set(),
            "_relevant_sub_fields": {},
            "plans": plans,
            "is_planning": is_planning,
        }
        executor._watch_coroutines()
        return executor

    def of_event(self, event: Any, context: Any) -> "PlanningExecutor":
        """An executor for one event of a subscription."""
        executor = self.build_per_event_executor(event)
        assert isinstance(executor, PlanningExecutor)
        executor.context_value = context
        executor._watch_coroutines()
        return executor

    def _watch_coroutines(self) -> None:
        self.coroutines = Coroutines()
        self.is_awaitable = self.coroutines.is_awaitable

    def settle_in_background(self, awaitables: list[Awaitable[Any]]) -> None:
        """Await nothing: a value that is not answered need not be worked out, and `close` gives it up."""

    # With the context that Strawberry's resolvers look for.
    build_resolve_info = build_resolve_info

    def complete_list_value(
        self,
        return_type: GraphQLList[Any],
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        item_type = return_type.of_type.of_type if isinstance(return_type.of_type, GraphQLNonNull) else None
        is_plain = isinstance(result, ViewList) or (isinstance(result, list) and None not in result)
        if isinstance(item_type, GraphQLObjectType) and is_plain:
            answers = self._planned(item_type, field_details_list, result)
            if answers is not None:
                return answers
        return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)

    def complete_list_item_value(
        self,
        item: Any,
        complete_results: list[Any],
        item_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        item_path: Path,
        position_context: Any,
    ) -> bool:
        # The one place where graphql-core makes a coroutine and does not ask `is_awaitable` about it.
        return super().complete_list_item_value(
            item, complete_results, item_type, field_details_list, info, item_path, position_context
        ) and self.is_awaitable(complete_results[-1])

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        answers = self._planned(return_type, field_details_list, [result])
        if answers is not None:
            return answers[0]
        return super().complete_object_value(return_type, field_details_list, info, path, result, position_context)

    def execute_operation(self, serially: bool | None = None) -> Any:
        """The result; an awaitable of it where something must be waited for. One that is not awaited needs `close`."""
        if self.operation.operation is OperationType.QUERY:
            answers = self._run(lambda: self.plans.find_root(self), [self.root_value])
            if answers is not None:
                return ExecutionResult(answers[0], None)
        result = super().execute_operation(serially)
        if self.is_awaitable(result):
            finishing = self._finish(result)
            self.coroutines.is_awaitable(finishing)
            return finishing
        self.close()
        return result

    async def _finish(self, result: Awaitable[Any]) -> Any:
        try:
            return await result
        finally:
            self.close()

    def close(self) -> None:
        """Give up what the execution has begun and nobody awaits."""
        self.coroutines.close()

    def collect_root_fields(self, type_: GraphQLObjectType) -> GroupedFieldSet:
        """What the operation selects of the root."""
        return collect_fields(
            self.schema, self.fragments, self.variable_values, type_, self.operation, self.hide_suggestions
        ).grouped_field_set

    def _planned(
        self, type_: GraphQLObjectType, details: FieldDetailsList, objects: Sequence[Any]
    ) -> list[dict[str, Any]] | None:
        return self._run(lambda: self.plans.find(self, type_, details), objects)

    def _run(self, find: Callable[[], Plan | None], objects: Sequence[Any]) -> list[dict[str, Any]] | None:
        if not self.is_planning:
            return None
        try:
            found = find()
            return None if found is None else found.run(self, objects)
        except EXPECTED:
            self.is_planning = False
        except Exception:
            self.is_planning = False
            self.plans.report_failure(self.operation)
        return None
