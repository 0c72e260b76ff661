"""graphql-core's executor, with plans (see `api.plan`) for selections on plain data."""

import hashlib
from collections import OrderedDict
from typing import Any, TypeAlias

from graphql import GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLResolveInfo
from graphql.execution.collect_fields import FieldDetailsList
from graphql.execution.executor_throwing_on_incremental import ExecutorThrowingOnIncremental
from graphql.pyutils import Path
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from api import plan
from api.plan import Plan

# A plan of the whole nested ranking takes about 20 kB.
MOST_PLANS = 2_000

Key: TypeAlias = tuple[Any, ...]


class Plans:
    """The plans used last: by type, variables and nodes; None for what cannot be planned."""

    def __init__(self) -> None:
        self._held: OrderedDict[Key, tuple[FieldDetailsList, Plan | None]] = OrderedDict()

    def find(self, runner: "PlanningExecutor", type_: GraphQLObjectType, details: FieldDetailsList) -> Plan | None:
        """The plan of what *details* select of an object of *type_*."""
        key = (type_.name, runner.variables_key, *(id(detail.node) for detail in details))
        if (held := self._held.get(key)) is not None:
            self._held.move_to_end(key)
            return held[1]
        found = plan.build(runner, type_, details)
        # With its nodes: their ids are free for others only when they are gone.
        self._held[key] = details, found
        if len(self._held) > MOST_PLANS:
            self._held.popitem(last=False)
        return found


class PlanningExecutor(ExecutorThrowingOnIncremental):
    """Answers objects and lists of objects by a plan where there is one, and plainly when the plan fails.

    After one failure the rest of the operation is executed plainly: trying again at each level below would make
    its cost grow with the depth.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # What Strawberry's fields look for; nobody sends any.
        self.operation_extensions = None
        self.plans = Plans()
        self.is_planning = True
        variables = self.variable_values.coerced
        self.variables_key = hashlib.sha256(repr(variables).encode()).digest() if variables else b""

    # With the context that Strawberry's resolvers look for.
    build_resolve_info = StrawberryGraphQLCoreExecutionContext.build_resolve_info

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
        if isinstance(item_type, GraphQLObjectType) and isinstance(result, list) and None not in result:
            answers = self._planned(item_type, field_details_list, result)
            if answers is not None:
                return answers
        return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)

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

    def _planned(
        self, type_: GraphQLObjectType, details: FieldDetailsList, objects: list[Any]
    ) -> list[dict[str, Any]] | None:
        if not self.is_planning:
            return None
        try:
            found = self.plans.find(self, type_, details)
            return None if found is None else found.run(self, objects)
        except Exception:
            self.is_planning = False
            return None
