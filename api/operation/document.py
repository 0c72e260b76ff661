"""Documents, parsed, measured and validated once: that costs milliseconds, answering most queries does not."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from sys import getsizeof
from typing import Any

from graphql import (
    SKIP,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    Visitor,
    get_operation_ast,
    parse,
    specified_rules,
    validate,
    visit,
)

from api.error import DocumentError
from api.operation import complexity, limits
from api.operation.memory import Memory, Store
from api.operation.request import GraphQLRequest
from api.planning.executor import PlanningExecutor
from api.planning.library import VALIDATION_ABORTED, limit_comparisons
from api.planning.plan_cache import Plans
from db.settings import Settings

LONG_NUMBER = re.compile(rf"\d{{{limits.MOST_DIGITS + 1},}}")
# What a document takes with its executor: by itself, for a token, and twice its text.
DOCUMENT_BYTES = 13_500
TOKEN_BYTES = 380
MOST_MEASURED = 100


class Document:
    """A valid document, with what was worked out for it."""

    def __init__(self, node: DocumentNode, plans: Plans, *, hides_schema: bool) -> None:
        self.node = node
        self.plans = plans
        self.hides_schema = hides_schema
        self.executors: dict[int, PlanningExecutor] = {}
        self.is_paid = False
        self._page_variables = complexity.page_variables(node)
        self._operations: dict[tuple[Any, ...], Operation] = {}

    def operation(self, name: str | None, variables: dict[str, Any]) -> "Operation":
        """The operation that is meant; what it costs differs from call to call by page sizes only.

        Raises `DocumentError` above a limit, and when it is left open which operation is meant.
        """
        key = name, *(complexity.page_size(variables.get(each)) for each in self._page_variables)
        if key not in self._operations:
            node = _operation(self.node, name)
            if len(self._operations) >= MOST_MEASURED:
                self._operations.clear()
            self._operations[key] = Operation(self, node, _measure(self.node, node, variables).cost)
        return self._operations[key]

    @property
    def cost(self) -> int:
        """Of reading and validating it."""
        return limits.TOKEN_COST * self.node.token_count


@dataclass(frozen=True)
class Operation:
    """What a request asks to execute."""

    document: Document
    node: OperationDefinitionNode
    cost: int

    @property
    def is_write(self) -> bool:
        return self.node.operation is OperationType.MUTATION

    def executor(self, schema: GraphQLSchema) -> PlanningExecutor:
        """The prepared executor; each request starts a copy of it."""
        prepared = self.document.executors
        if id(self.node) not in prepared:
            prepared[id(self.node)] = PlanningExecutor.prepare(
                schema, self.document.node, self.node, hide_suggestions=self.document.hides_schema
            )
        return prepared[id(self.node)]

    @cached_property
    def since_variable(self) -> str | None:
        """The variable that is given to `since`, if it is used nowhere else; otherwise None."""
        for field in self.node.selection_set.selections:
            for argument in (isinstance(field, FieldNode) and field.arguments) or ():
                if argument.name.value == "since" and isinstance(argument.value, VariableNode):
                    name = argument.value.name.value
                    return name if _uses(self.document.node, name) == 1 else None
        return None


class Documents:
    """The valid documents used last, by their text."""

    def __init__(
        self, schema: GraphQLSchema, settings: Settings, memory: Memory, count_plan_failure: Callable[[], None]
    ) -> None:
        limit_comparisons(limits.COMPARISON_BUDGET)
        self._schema = schema
        self._hides_schema = not settings.introspection
        self._rules = [*specified_rules, *((NoSchemaIntrospectionCustomRule,) if self._hides_schema else ())]
        self._token_limit = settings.document_token_limit
        self._store: Store[str, Document] = memory.store("documents")
        self._count_plan_failure = count_plan_failure

    def operation(self, request: GraphQLRequest) -> Operation:
        """The operation that *request* means, within the limits for these variables.

        Raises `DocumentError` for a document that is not executed, or that leaves open which operation is meant.
        """
        variables = request.variables or {}
        document = self._store.get(request.query)
        if document is None:
            node = self._parse(request.query)
            _measure(node, _operation(node, request.operation_name), variables)
            if errors := self._validate(node):
                raise DocumentError(errors)
            document = self._keep(request.query, node)
        return document.operation(request.operation_name, variables)

    def _parse(self, text: str) -> DocumentNode:
        if len(text) > limits.MOST_CHARACTERS:
            raise above(limits.LimitError("characters", len(text), limits.MOST_CHARACTERS))
        if (number := LONG_NUMBER.search(text)) is not None:
            raise above(limits.LimitError("digits in a number", len(number[0]), limits.MOST_DIGITS))
        try:
            node = parse(text, max_tokens=self._token_limit)
        except GraphQLError as error:
            raise DocumentError([error]) from error
        except RecursionError as error:
            deep = GraphQLError("the document is nested too deeply", extensions={"code": "LIMIT_EXCEEDED"})
            raise DocumentError([deep]) from error
        if len(node.definitions) > limits.MOST_DEFINITIONS:
            raise above(limits.LimitError("operations and fragments", len(node.definitions), limits.MOST_DEFINITIONS))
        return node

    def _validate(self, node: DocumentNode) -> list[GraphQLError]:
        errors = validate(
            self._schema,
            node,
            self._rules,
            max_errors=limits.MOST_ERRORS,
            hide_suggestions=self._hides_schema,
        )
        if errors and errors[-1].message == VALIDATION_ABORTED:
            message = "too many fields of the same name, in the document or its fragments, must be compared"
            return [GraphQLError(message, extensions={"code": "LIMIT_EXCEEDED"})]
        return errors

    def _keep(self, text: str, node: DocumentNode) -> Document:
        plans = Plans(self._count_plan_failure, partial(self._store.grow, text))
        document = Document(node, plans, hides_schema=self._hides_schema)
        size = DOCUMENT_BYTES + TOKEN_BYTES * node.token_count + 2 * getsizeof(text)
        self._store.keep(text, document, size)
        return document


def above(error: limits.LimitError) -> DocumentError:
    """What a document or its variables are refused with."""
    extensions = {"code": "LIMIT_EXCEEDED", "requested": error.requested, "limit": error.limit}
    return DocumentError([GraphQLError(str(error), extensions=extensions)])


def _operation(node: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operation = get_operation_ast(node, name)
    if operation is None:
        message = "the document has no such operation, or several and no operationName"
        raise DocumentError([GraphQLError(message)])
    return operation


def _measure(node: DocumentNode, operation: OperationDefinitionNode, variables: dict[str, Any]) -> limits.Complexity:
    """Before validation, which is not linear in a document's length."""
    try:
        return complexity.check(node, operation, variables)
    except limits.LimitError as error:
        raise above(error) from error


def _uses(document: DocumentNode, variable: str) -> int:
    """How often a document uses a variable, its definition left out."""
    count = 0

    class Counter(Visitor):
        def enter_variable(self, node: VariableNode, *_: Any) -> None:
            nonlocal count
            count += node.name.value == variable

        def enter_variable_definition(self, *_: Any) -> Any:
            return SKIP

    visit(document, Counter())
    return count
