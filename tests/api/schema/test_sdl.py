"""The schema as clients know it: committed, described, and never less than the contract."""

from pathlib import Path

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

from api.schema import sdl

HERE = Path(__file__).parent
COMMITTED = HERE.parents[2] / "api" / "schema.graphql"
CONTRACT = HERE.parent / "contract.graphql"


def test_the_committed_schema_is_that_of_the_code() -> None:
    assert COMMITTED.read_text() == sdl()


def test_the_schema_contains_the_contract() -> None:
    contract, ours = build_schema(CONTRACT.read_text()), build_schema(sdl())
    assert find_breaking_changes(contract, ours) == []
    harmless = ("OPTIONAL_INPUT_FIELD_ADDED", "OPTIONAL_ARG_ADDED", "TYPE_ADDED_TO_UNION", "VALUE_ADDED_TO_ENUM")
    changes = [change for change in find_dangerous_changes(contract, ours) if change.type.name not in harmless]
    # A default that is written differently (DE, "DE") would be listed here.
    assert [change.description for change in changes] == []


def test_no_field_of_the_contract_became_stricter_or_looser() -> None:
    contract, ours = build_schema(CONTRACT.read_text()), build_schema(sdl())
    for name, field in _fields(contract).items():
        assert str(_fields(ours)[name].type) == str(field.type), name


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
