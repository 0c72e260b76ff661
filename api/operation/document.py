"""Documents, parsed, measured and validated once: that costs milliseconds, answering most queries does not."""

import re
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
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
from api.operation import limits, overlap
from api.operation.request import GraphQLRequest
from api.planning.executor import PlanningExecutor

# Inside strings and comments, which are one token at any length. 100,000 take 30 ms at most.
MOST_CHARACTERS = 100_000
# Python makes no integer of more than 4,300.
MOST_DIGITS = 1_000
LONG_NUMBER = re.compile(rf"\d{{{MOST_DIGITS + 1},}}")
# 280 fragments that are not used took 35 ms.
MOST_DEFINITIONS = 150
# To find 100 errors took up to 480 ms, most of it for what might be meant instead.
MOST_ERRORS = 5
# A parsed document takes about fifty times its text.
MOST_KEPT_CHARACTERS = 500_000
MOST_MEASURED = 100


class Document:
    """A valid document, with what was worked out for it."""

    def __init__(self, node: DocumentNode) -> None:
        self.node = node
        self.executors: dict[int, PlanningExecutor] = {}
        self._page_variables = limits.page_variables(node)
        self._operations: dict[tuple[str | None, str], Operation] = {}

    def operation(self, name: str | None, variables: dict[str, Any]) -> "Operation":
        """The operation that is meant; what it costs differs from call to call by page sizes only.

        Raises `DocumentError` above a limit, and when it is left open which operation is meant.
        """
        page_sizes = repr([variables.get(each) for each in self._page_variables]) if self._page_variables else ""
        if (name, page_sizes) not in self._operations:
            node = _operation(self.node, name)
            if len(self._operations) >= MOST_MEASURED:
                self._operations.clear()
            measured = Operation(self, node, _measure(self.node, node, variables).cost)
            self._operations[name, page_sizes] = measured
        return self._operations[name, page_sizes]


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
        """The executor that others are made of."""
        prepared = self.document.executors
        if id(self.node) not in prepared:
            prepared[id(self.node)] = PlanningExecutor.prepare(schema, self.document.node, self.node)
        return prepared[id(self.node)]

    @cached_property
    def since_variable(self) -> str | None:
        """The variable that says what a subscriber has seen, and nothing else; None without one."""
        for field in self.node.selection_set.selections:
            for argument in (isinstance(field, FieldNode) and field.arguments) or ():
                if argument.name.value == "since" and isinstance(argument.value, VariableNode):
                    name = argument.value.name.value
                    return name if _uses(self.document.node, name) == 1 else None
        return None


class Documents:
    """The valid documents used last, by their text."""

    def __init__(self, schema: GraphQLSchema, token_limit: int, *, introspection: bool) -> None:
        self._schema = schema
        self._rules = [*specified_rules, *(() if introspection else (NoSchemaIntrospectionCustomRule,))]
        self._token_limit = token_limit
        self._held: OrderedDict[str, Document] = OrderedDict()
        self._free_characters = MOST_KEPT_CHARACTERS

    def operation(self, asked: GraphQLRequest) -> Operation:
        """The operation that *asked* means, within the limits for these variables.

        Raises `DocumentError` for a document that is not executed, or that leaves open which operation is meant.
        """
        variables = asked.variables or {}
        held = self._held.get(asked.query)
        if held is None:
            node = self._parse(asked.query)
            _measure(node, _operation(node, asked.operation_name), variables)
            _compare(node)
            if errors := validate(self._schema, node, self._rules, max_errors=MOST_ERRORS):
                raise DocumentError(errors)
            held = self._keep(asked.query, node)
        operation = held.operation(asked.operation_name, variables)
        self._held.move_to_end(asked.query)
        return operation

    def _parse(self, text: str) -> DocumentNode:
        if len(text) > MOST_CHARACTERS:
            raise above(limits.LimitError("characters", len(text), MOST_CHARACTERS))
        if (number := LONG_NUMBER.search(text)) is not None:
            raise above(limits.LimitError("digits in a number", len(number[0]), MOST_DIGITS))
        try:
            node = parse(text, max_tokens=self._token_limit)
        except GraphQLError as error:
            raise DocumentError([error]) from error
        except RecursionError as error:
            deep = GraphQLError("the document is nested too deeply", extensions={"code": "LIMIT_EXCEEDED"})
            raise DocumentError([deep]) from error
        if len(node.definitions) > MOST_DEFINITIONS:
            raise above(limits.LimitError("operations and fragments", len(node.definitions), MOST_DEFINITIONS))
        return node

    def _keep(self, text: str, node: DocumentNode) -> Document:
        document = self._held[text] = Document(node)
        self._free_characters -= len(text)
        while self._free_characters < 0 and len(self._held) > 1:
            dropped, _ = self._held.popitem(last=False)
            self._free_characters += len(dropped)
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


def _measure(node: DocumentNode, operation: OperationDefinitionNode, variables: dict[str, Any]) -> limits.Figures:
    """Before validation, which is not linear in a document's length."""
    try:
        return limits.check(node, operation, variables)
    except limits.LimitError as error:
        raise above(error) from error


def _compare(node: DocumentNode) -> None:
    try:
        overlap.check(node)
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
