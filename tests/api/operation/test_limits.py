"""Documents that ask for too much are refused, cheaply; the largest honest ones are answered."""

import pytest
from graphql import (
    GraphQLSchema,
    build_schema,
    get_introspection_query,
    get_named_type,
    get_operation_ast,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    parse,
    specified_scalar_types,
)

from api.operation import complexity, limits
from api.operation.limits import Complexity, LimitError
from api.schema.build import sdl
from tests.conftest import Api

EVERYTHING = """
{ ranking { entries(first: 100) { totalCount edges { cursor } pageInfo { hasNextPage endCursor } nodes {
  id rank score previousScore previousRank rankChange isTopTen isFirstTopTen isHiddenChampion hiddenChampionIn { code }
  pointsToNextRank pointsToTopTen isUpperHalf estimatedShare city { id name slug state population }
  categories { category { id code name weight } score rank previousScore previousRank rankChange isTopTen
    isFirstTopTen isHiddenChampion pointsToNextRank estimatedShare status
    indicators { indicator { id code name weight maximum } value score rank weight contribution status } } } } } }
"""
DOUBLING = (
    "{ ...F0 } "
    + " ".join(f"fragment F{i} on Query {{ ...F{i + 1} ...F{i + 1} }}" for i in range(120))
    + ' fragment F120 on Query { city(slug: "krefeld") { name } }'
)
NESTED_PAGES = """{ ranking { entries { nodes { city { history {
  ranking: city { history { categories { indicators { rank } } } } } } } } } }"""
CIRCULAR_INTROSPECTION = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
HOSTILE = {
    "fragments that double": DOUBLING,
    "pages of pages": NESTED_PAGES,
    "circular introspection": CIRCULAR_INTROSPECTION,
    "aliases": "{ city(slug: \"krefeld\") { " + " ".join(f"a{i}: name" for i in range(101)) + " } }",
    "root fields": "{ " + " ".join(f"a{i}: __typename" for i in range(21)) + " }",
    "long names": "{ " + "a" * 101 + ": __typename }",
    "directives": "{ __typename " + "@include(if: true) " * 51 + "}",
    "depth": "{ ranking { edition { " + "ranking { edition { " * 9 + "year" + " } }" * 9 + " } } }",
    "tokens": "{ " + "__typename " * 2001 + "}",
    "nesting": "{ a" * 400 + " }" * 400,
}  # fmt: skip


def measured(document: str, **variables: int) -> Complexity:
    """The complexity of a document's only operation."""
    parsed = parse(document)
    operation = get_operation_ast(parsed, None)
    assert operation is not None
    return complexity.check(parsed, operation, variables)


def test_figures_are_those_counted_by_hand() -> None:
    # ranking 1, entries 100, and for each of 7: nodes 1, rank 1, categories 1 with 5 times code and b
    document = """query Q($n: Int = 7) @skip(if: false) { ranking { entries(first: $n) { nodes { ...N } } } }
    fragment N on RankingEntry { rank categories { a: status b: score } }"""
    cost = 101 + 7 * (1 + 2 + 5 * 2)
    assert measured(document) == Complexity(
        depth=5, aliases=2, directives=1, root_fields=1, fields=7, characters_in_a_name=10, cost=cost
    )
    assert measured(document, n=3).cost == 101 + 3 * (1 + 2 + 5 * 2)


def test_a_fragment_counts_wherever_it_is_spread() -> None:
    once = measured("{ ...F } fragment F on Query { editions { year } }")
    twice = measured("{ ...F ... on Query { ...F } } fragment F on Query { editions { year } }")
    assert (once.cost, twice.cost, twice.root_fields) == (8, 16, 2)


def test_a_cycle_of_fragments_is_left_to_validation() -> None:
    assert measured("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }") == Complexity()


def test_every_list_field_has_a_size() -> None:
    schema = build_schema(sdl())
    assert sorted(_list_fields(schema) - set(limits.LIST_SIZE)) == []


@pytest.mark.parametrize("name", sorted(set(HOSTILE) - {"circular introspection", "nesting", "tokens"}))
def test_hostile_documents_are_above_a_limit(name: str) -> None:
    with pytest.raises(LimitError):
        measured(HOSTILE[name])


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_documents_get_an_error_with_a_code(name: str, read_api: Api) -> None:
    answer = await read_api.post(HOSTILE[name])
    assert "data" not in answer
    [error] = answer["errors"]
    assert error["extensions"]["code"] in {"LIMIT_EXCEEDED", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"}


@pytest.mark.parametrize(
    "mutation",
    [
        "mutation { a: closeEdition(input: {edition: 1}) { errors { code } } b: __typename ...F }"
        " fragment F on Mutation { closeEdition(input: {edition: 2}) { errors { code } } }",
        "mutation { retryRecomputation(input: {edition: 1}) { errors { code } } ... { addCity(input: {edition: 1,"
        ' city: "x", population: 1}) { errors { code } } } }',
    ],
)
async def test_an_operation_has_one_mutation_field(mutation: str, read_api: Api) -> None:
    [error] = (await read_api.post(mutation, token=read_api.token()))["errors"]
    assert error["message"] == "an operation has one mutation field, and this one has 2: send each as an operation"
    assert error["extensions"] == {"code": "LIMIT_EXCEEDED", "requested": 2, "limit": 1}


async def test_the_same_mutation_field_may_come_by_two_fragments(read_api: Api) -> None:
    document = """mutation { __typename ...F ...F }
      fragment F on Mutation { closeEdition(input: {edition: 1}) { errors { code } } }"""
    answer = await read_api.data(document, token=read_api.token())
    assert answer["closeEdition"]["errors"] == [{"code": "UNKNOWN_EDITION"}]


async def test_the_largest_honest_documents_are_answered(read_api: Api) -> None:
    whole = await read_api.data(EVERYTHING)
    assert len(whole["ranking"]["entries"]["nodes"]) == 83
    assert "__schema" in await read_api.data(get_introspection_query(input_value_deprecation=True))


def _list_fields(schema: GraphQLSchema) -> set[str]:
    """Names of all fields of the schema, introspection included, that give a list of objects."""
    names = set()
    for kind in schema.type_map.values():
        if is_object_type(kind) and kind.name not in specified_scalar_types:
            for name, field in kind.fields.items():
                inner = field.type.of_type if is_non_null_type(field.type) else field.type
                if is_list_type(inner) and not is_leaf_type(get_named_type(inner)):
                    names.add(name)
    return names
