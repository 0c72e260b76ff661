"""Every limit of a document, its variables and its arguments, and what each field costs.

`api.operation.complexity` measures documents, `api.operation.argument` arguments, `api.operation.document` the rest.
A unit of cost is about one field of an answer, which takes one to six microseconds.
"""

from dataclasses import dataclass
from typing import Any

# --- A document as text -------------------------------------------------------------------------------------------

# The limit of tokens does not bound strings and comments, which are one token each. 100,000 take 30 ms at most.
MOST_CHARACTERS = 100_000
# Python makes no integer of more than 4,300.
MOST_DIGITS = 1_000
# 280 fragments that are not used took 35 ms.
MOST_DEFINITIONS = 150
# To find 100 errors took up to 480 ms, most of it for what might be meant instead.
MOST_ERRORS = 5
# graphql-core's budget for comparing fields of one name. With 6,000 the most hostile document of the tests takes four
# times as long as GraphiQL's introspection query, with 20,000 seven times; the introspection query needs under 300.
COMPARISON_BUDGET = 6_000
# A document of 2,000 tokens took 23 ms to validate, as long as about 6,000 fields of an answer. It is paid once.
TOKEN_COST = 3

# --- Pages --------------------------------------------------------------------------------------------------------

MAX_PAGE_SIZE = 100
PAGE_SIZES = ("first", "last")

# Items of each list field, about as the bundled data and the schema have them. A page has as many as `first` or
# `last` says, MAX_PAGE_SIZE when that is left to the default.
LIST_SIZE = {
    **dict.fromkeys(("entries", "cities", "results"), MAX_PAGE_SIZE),
    "changes": 500,  # 83 cities, overall and in five categories, all moved
    **dict.fromkeys(("nodes", "edges"), 1),  # counted with their connection
    "categories": 5,
    "indicators": 8,
    "parameters": 5,
    "hiddenChampionIn": 5,
    "goals": 7,
    "ranks": MAX_PAGE_SIZE,
    "audit": MAX_PAGE_SIZE,
    "proposals": MAX_PAGE_SIZE,
    "corrections": MAX_PAGE_SIZE,
    "values": 50,
    "scores": 50,
    "fieldChanges": 10,
    "errors": 5,
    "editions": 7,
    "history": 7,
    "timeline": 7,
    "states": 16,
    "published": 20,
    "topTen": 10,
    "hiddenChampions": 30,
    "types": 60,
    "fields": 10,
    "args": 2,
    "inputFields": 6,
    "enumValues": 6,
    "interfaces": 1,
    "possibleTypes": 8,
    "directives": 6,
}

# --- Cost ---------------------------------------------------------------------------------------------------------

# What a field costs by itself where its resolver does more than look something up: by the CPU time that
# `tests/api/operation/test_price.py` measures, which fails for a field that is missing here.
FIELD_COST = {
    # 20 ms: the smallest raise of each indicator is computed.
    "goals": 5_000,
    "explanation": 2_000,
    # A whole ranking is computed, after its inputs are read.
    "simulateRanking": 10_000,
    # All cities are looked at, whatever the page.
    **dict.fromkeys(("cities", "entries", "peers"), 100),
    # Postgres is asked, once for all that are asked for together.
    **dict.fromkeys(
        ("submission", "proposal", "proposals", "corrections", "recomputation", "reviewRequired", "uncertainty"), 100
    ),
    "history": 50,
    "timeline": 50,
    "provenance": 20,
    "values": 20,
    "revision": 20,
}

# What a field costs for an argument that may have it load another ranking from Postgres.
ARGUMENT_COST = {"revision": 500, "since": 500, "id": 500}


@dataclass(frozen=True, slots=True)
class Complexity:
    """Of an operation: `depth` in levels, the others counted; `cost` is about the fields of its answer."""

    depth: int = 0
    aliases: int = 0
    directives: int = 0
    root_fields: int = 0
    fields: int = 0
    characters_in_a_name: int = 0
    cost: int = 0

    def __add__(self, other: "Complexity") -> "Complexity":
        """Of two selections side by side."""
        return Complexity(
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.directives + other.directives,
            self.root_fields + other.root_fields,
            self.fields + other.fields,
            max(self.characters_in_a_name, other.characters_in_a_name),
            self.cost + other.cost,
        )


# The whole nested ranking with every field down to the indicators costs about 80,000, and GraphiQL's introspection
# query is 15 levels deep. Validation compares each field with every other one of the same name: 750 take 25 ms. A
# name is repeated in every error below its field.
LIMITS = Complexity(
    depth=18, aliases=100, directives=50, root_fields=20, fields=750, characters_in_a_name=100, cost=100_000
)
MUTATION_FIELDS = 1

# --- Variables and arguments --------------------------------------------------------------------------------------

# In the variables of a reader. To check 10,000 takes 25 ms.
MOST_VALUES = 10_000
VALUE_COST = 5
# In a string or an id that names something: a slug, a code, a cursor, a search.
NAME_CHARACTERS = 200
# In a list of an argument.
LIST_ITEMS = 200
# Higher bounds for fields of inputs whose own check refuses smaller values with a clearer error.
LONGEST = {
    "source": 20_000,
    "reason": 20_000,
    "correction": 20_000,
    "idempotencyKey": 20_000,
    "scores": 20_000,
    "weights": 2_000,
}

LARGEST_EXACT = 2**53


class LimitError(Exception):
    """A document asks for more than is allowed; the message names what, and how much is."""

    def __init__(self, what: str, requested: int, limit: int, message: str | None = None) -> None:
        super().__init__(message or f"too many {what}: the limit of a document is {limit}")
        # Doubling fragments come to numbers that JSON has no room for.
        self.requested = min(requested, LARGEST_EXACT)
        self.limit = limit


def count_values(variables: Any, most: int | None) -> int:
    """How many values variables hold at any depth; raises `LimitError` for more than *most*."""
    count, waiting = 0, [variables]
    while waiting:
        inner = waiting.pop()
        inner = inner.values() if isinstance(inner, dict) else inner
        count += len(inner)
        if most is not None and count > most:
            raise LimitError("values in the variables", count, most)
        waiting += [value for value in inner if isinstance(value, dict | list)]
    return count
