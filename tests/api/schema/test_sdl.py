"""The schema as clients know it: committed, described, and never less than the contract."""

import re
from pathlib import Path

import pytest
from graphql import (
    GraphQLNamedType,
    GraphQLSchema,
    build_schema,
    is_input_object_type,
    is_interface_type,
    is_object_type,
    is_scalar_type,
    is_specified_scalar_type,
)
from graphql.utilities import find_breaking_changes, find_dangerous_changes

from api.schema.build import sdl

HERE = Path(__file__).parent
COMMITTED = HERE.parents[2] / "api" / "schema.graphql"
CONTRACT = HERE.parent / "contract.graphql"


def test_the_committed_schema_is_that_of_the_code() -> None:
    assert COMMITTED.read_text() == sdl()


def test_the_schema_contains_the_contract() -> None:
    assert missing(build_schema(CONTRACT.read_text()), build_schema(sdl())) == []


@pytest.mark.parametrize(
    ("text", "instead", "description"),
    [
        ("  revision: Int!\n", "  revision: Int\n", "Field Edition.revision changed type from Int! to Int."),
        ("  score: Float\n", "  score: Float!\n", "PublishedResult.score: Float became Float!"),
        ("  isUpperHalf: Boolean!\n", "", "Field RankingEntry.isUpperHalf was removed."),
        ("  EDITION_CLOSED\n", "", "Enum value UserErrorCode.EDITION_CLOSED was removed."),
        (
            "language: Language = DE",
            "language: Language = EN",
            "Category.name(language:) has changed defaultValue from DE to EN.",
        ),
        ("language: Language = DE", "language: Language", "Category.name(language:) defaultValue was removed."),
        ("year: Int = null", "year: Int!", "Argument Query.edition(year:) has changed type from Int to Int!."),
        ("city(slug: String!)", "city(slug: String)", "Query.city(slug): String! became String"),
        (
            "city(slug: String!)",
            "city(slug: String!, strict: Boolean!)",
            "A required argument Query.city(strict:) was added.",
        ),
        ("city(slug: String!)", "city(slug: ID!)", "Argument Query.city(slug:) has changed type from String! to ID!."),
        ("type City implements Node", "type City", "City no longer implements interface Node."),
        ("scalar DateTime", "type DateTime { at: Int }", "DateTime changed from a Scalar type to an Object type."),
        (
            "  source: String = null\n}",
            "  source: String!\n}",
            "Field ScoreInput.source changed type from String to String!.",
        ),
    ],
)
def test_anything_less_would_be_noticed(text: str, instead: str, description: str) -> None:
    ours = re.sub(r'"""(.*?)"""\s*', "", sdl(), flags=re.DOTALL)
    assert text in ours
    found = missing(build_schema(CONTRACT.read_text()), build_schema(ours.replace(text, instead)))
    assert description in found


def missing(contract: GraphQLSchema, ours: GraphQLSchema) -> list[str]:
    """What a client of *contract* would not find in *ours*, or find changed."""
    harmless = ("OPTIONAL_INPUT_FIELD_ADDED", "OPTIONAL_ARG_ADDED", "TYPE_ADDED_TO_UNION", "VALUE_ADDED_TO_ENUM")
    found = [change.description for change in find_breaking_changes(contract, ours)]
    # A default that is written differently (DE, "DE") is among the dangerous ones.
    dangerous = find_dangerous_changes(contract, ours)
    found += [change.description for change in dangerous if change.type.name not in harmless]
    here = _places(ours)
    found += [
        f"{place}: {kind} became {here.get(place)}"
        for place, kind in _places(contract).items()
        if here.get(place) != kind
    ]
    return found


def _places(schema: GraphQLSchema) -> dict[str, str]:
    """The type of every field and argument: graphql-core lets a nullable one become stricter, or the reverse."""
    places = {name: str(field.type) for name, field in _fields(schema).items()}
    for name, field in _fields(schema).items():
        places |= {f"{name}({arg})": str(found.type) for arg, found in getattr(field, "args", {}).items()}
    return places


def test_everything_is_described() -> None:
    schema = build_schema(sdl())
    own = {name: kind for name, kind in schema.type_map.items() if not name.startswith("__")}
    bare = [name for name, kind in own.items() if not kind.description and not _is_built_in(kind)]
    assert bare == []
    assert [name for name, field in _fields(schema).items() if not field.description] == []


def _is_built_in(kind: GraphQLNamedType) -> bool:
    return is_scalar_type(kind) and is_specified_scalar_type(kind)


def _fields(schema: GraphQLSchema):  # type: ignore[no-untyped-def] # output and input fields share what is read here
    """Every output and input field of the schema's own types, by `Type.field`."""
    return {
        f"{name}.{field_name}": field
        for name, kind in schema.type_map.items()
        if not name.startswith("__") and (is_object_type(kind) or is_interface_type(kind) or is_input_object_type(kind))
        for field_name, field in kind.fields.items()
    }
