"""The plans of a document, and their size."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from graphql import GraphQLObjectType, Node, OperationDefinitionNode

from api.planning import plan
from api.planning.completion import Runner
from api.planning.library import FieldDetailsList, GroupedFieldSet
from api.planning.plan import Plan
from db import telemetry

log = telemetry.logger(__name__)

# Of one document.
MOST_PLANS = 200

PlanKey: TypeAlias = tuple[Any, ...]


# A plan beside its steps, with its key; and one that there is not.
PLAN_BYTES = 1_500


class Plans:
    """The plans of one document that were used last: by type, variables and nodes; None for what cannot be planned.

    *count_failure* is called whenever a plan has failed by a bug of ours: its answer is right, and slow. *grow* is told
    of the bytes that the plans take more, or fewer, than before.
    """

    def __init__(
        self, count_failure: Callable[[], None] = lambda: None, grow: Callable[[int], None] = lambda _: None
    ) -> None:
        self._plans: OrderedDict[PlanKey, tuple[Plan | None, int]] = OrderedDict()
        self._count_failure = count_failure
        self.grow = grow

    def report_failure(self, operation: OperationDefinitionNode) -> None:
        """Log the exception that is being handled, with the hash of the document, and count it."""
        text = "" if operation.loc is None else operation.loc.source.body
        digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()
        log.exception("a plan failed, its selection is executed plainly", document_id=digest)
        self._count_failure()

    def find(self, runner: Runner, type_: GraphQLObjectType, details: FieldDetailsList) -> Plan | None:
        """The plan of what *details* select of an object of *type_*."""
        nodes = [detail.node for detail in details]
        return self._find(runner, type_, nodes, lambda: runner.collect_subfields(type_, details).grouped_field_set)

    def find_root(self, runner: Runner) -> Plan | None:
        """The plan of a whole query."""
        type_ = runner.schema.query_type
        assert type_ is not None, "our schema has queries"
        return self._find(runner, type_, [runner.operation], lambda: runner.collect_root_fields(type_))

    def _find(
        self,
        runner: Runner,
        type_: GraphQLObjectType,
        nodes: Sequence[Node],
        select: Callable[[], GroupedFieldSet],
    ) -> Plan | None:
        key = (type_.name, runner.variables_key, *map(id, nodes))
        if (entry := self._plans.get(key)) is not None:
            self._plans.move_to_end(key)
            return entry[0]
        found = plan.build(runner, type_, select())
        size = PLAN_BYTES if found is None else PLAN_BYTES + found.size_bytes + runner.variables_bytes
        self._plans[key] = found, size
        self.grow(size)
        if len(self._plans) > MOST_PLANS:
            _, (_, dropped) = self._plans.popitem(last=False)
            self.grow(-dropped)
        return found
