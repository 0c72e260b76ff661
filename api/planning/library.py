"""What stands on parts of graphql-core and Strawberry that they do not document.

When one of them is upgraded, look at each name below in its new source, then run `tests/api/planning`, which compares
plans with plain execution, and `tests/api/operation/test_hostile.py`.

- `graphql.execution.executor.Executor`: `api.planning.executor` overrides the methods that complete objects, lists and
  their items, and `settle_in_background`; it makes an executor of another one by copying `__dict__`, so a new
  attribute of one execution must be set in `start`. Every coroutine passes `is_awaitable` but those of list items.
- `collect_fields`, `get_argument_values`, `get_variable_values`: their arguments and results.
- `overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET`: is read at each validation, which ends with the message
  "Validation aborted." when it is spent.
- `StrawberryGraphQLCoreExecutionContext.build_resolve_info`: gives `info` the context that Strawberry looks for.
- `GraphQLCoreConverter.DEFINITION_BACKREF`: the key under which graphql-core's types and fields know Strawberry's.
- `StrawberryField.base_resolver`, with `wrapped_func`, `self_parameter`, `info_parameter` and `arguments`.
- `strawberry.Schema._schema`: graphql-core's schema.
"""

import strawberry
from graphql import GraphQLSchema
from graphql.execution.collect_fields import FieldDetailsList, FragmentDetails, GroupedFieldSet, collect_fields
from graphql.execution.executor import CollectedErrors
from graphql.execution.executor_throwing_on_incremental import ExecutorThrowingOnIncremental
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values
from graphql.validation.rules import overlapping_fields_can_be_merged
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter

__all__ = [
    "DEFINITION",
    "VALIDATION_ABORTED",
    "CollectedErrors",
    "ExecutorThrowingOnIncremental",
    "FieldDetailsList",
    "FragmentDetails",
    "GroupedFieldSet",
    "VariableValues",
    "build_resolve_info",
    "collect_fields",
    "core_schema",
    "get_argument_values",
    "get_variable_values",
    "limit_comparisons",
]

DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF
VALIDATION_ABORTED = "Validation aborted."
build_resolve_info = StrawberryGraphQLCoreExecutionContext.build_resolve_info


def core_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """The schema of graphql-core that Strawberry has made."""
    return schema._schema


def limit_comparisons(budget: int) -> None:
    """Let validation refuse a document in which comparing fields of one name takes more than *budget* steps."""
    overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = budget
