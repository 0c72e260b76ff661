"""What the guides say is true: their files, commands, settings and links exist, and their queries are answered."""

import json
import re
from pathlib import Path

import pytest
import typer.main
from graphql import OperationDefinitionNode, OperationType, build_schema, parse, validate

from api.cli.main import app
from api.schema.build import sdl
from db.settings import Settings
from tests import pasted
from tests.conftest import Api

ROOT = Path(__file__).parent.parent
GUIDES = {path.stem: path.read_text() for path in sorted((ROOT / "api/web/guide").glob("*.md"))}


def test_the_guides_are_there() -> None:
    assert {"frontends", "publishers", "operators", "contributors", "decisions", "threats"} <= GUIDES.keys()


@pytest.mark.parametrize("name", GUIDES)
def test_every_file_that_is_named_exists(name: str) -> None:
    named = re.findall(r"`((?:api|workers|db|tests|\.ci)/[\w/.-]*)`", GUIDES[name])
    named += [
        str(Path("api/web/guide") / link) for link in re.findall(r"\]\(([^)#:]+)\)", GUIDES[name]) if "//" not in link
    ]
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("name", GUIDES)
def test_every_command_and_setting_that_is_named_exists(name: str) -> None:
    commands = set(typer.main.get_command(app).list_commands(None))  # type: ignore[attr-defined]
    settings = {f"SCI_{field.upper()}" for field in Settings.model_fields}
    assert set(re.findall(r"`(?:uv run )?sci ([a-z]+)", GUIDES[name])) <= commands
    assert set(re.findall(r"\bSCI_[A-Z_]+", GUIDES[name])) <= settings


@pytest.mark.parametrize("name", GUIDES)
async def test_every_query_is_answered(name: str, read_api: Api) -> None:
    schema = build_schema(sdl())
    found = re.findall(r"```graphql\n(.*?)```(?:\n\n```json\n(.*?)```)?", GUIDES[name], re.DOTALL)
    for document, variables in found:
        node = parse(document)
        assert validate(schema, node) == [], document
        operations = [each for each in node.definitions if isinstance(each, OperationDefinitionNode)]
        if operations[0].operation is OperationType.QUERY:
            answer = await read_api.post(document, json.loads(variables) if variables else None)
            assert "errors" not in answer, (document, answer)


@pytest.mark.parametrize("name", GUIDES)
async def test_every_request_can_be_pasted(name: str, read_api: Api) -> None:
    for command in pasted.blocks(GUIDES[name], "sh"):
        if command.startswith("curl"):
            response = await pasted.request(command, read_api)
            assert (response.status_code, "errors" in response.json()) == (200, False), command
