"""What the README says is true: its commands, its settings, its queries and the order of its parts."""

import json
import re
import shlex
from pathlib import Path

import httpx2
import typer.main
from pydantic_core import PydanticUndefined

from api.cli.main import app
from api.schema.type.submission import SubmissionStatus
from db.settings import Settings
from tests import pasted
from tests.conftest import Api, Recompute

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """The contents of every fenced block in *language*."""
    return pasted.blocks(README, language)


def table(heading: str) -> list[list[str]]:
    """The cells of every row of the table below *heading*, back quotes removed."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in row] for row in rows[2:]]


def test_the_parts_are_there_in_their_order() -> None:
    headings = re.findall(r"^## (.+)$", README, re.MULTILINE)
    assert headings == [
        "Run it", "Test it", "Use it", "The map", "Settings", "Operate", "Measured", "Glossary", "Data sources",
    ]  # fmt: skip
    assert README.count("\n") <= 300


def test_every_command_is_listed() -> None:
    listed = [row[0] for row in table("Use it")]
    assert listed == [f"sci {name}" for name in typer.main.get_command(app).list_commands(None)]  # type: ignore[attr-defined]


def test_every_setting_is_listed_with_its_default() -> None:
    defaults = {}
    for name, field in Settings.model_fields.items():
        default = field.default
        assert default is not PydanticUndefined
        shown = "none" if default is None else "[]" if default == () else str(default).removesuffix(".0")
        shown = shown.lower() if isinstance(default, bool) else shown
        defaults[str(field.validation_alias or f"SCI_{name.upper()}")] = shown
    assert {row[0]: row[2] for row in table("Settings")} == defaults


def test_every_folder_of_the_map_exists() -> None:
    assert [row[0] for row in table("The map") if not (ROOT / row[0]).is_dir()] == []


def test_every_file_that_is_named_exists() -> None:
    named = re.findall(r"`((?:api|workers|db)/[\w/.]+\.\w+)`", README) + re.findall(r"\]\(([^)]+)\)", README)
    assert [name for name in named if not (ROOT / name).exists()] == []


async def test_the_first_query_has_the_answer_that_is_shown(read_api: Api) -> None:
    [query], [answer] = blocks("graphql"), blocks("json")
    assert await read_api.post(query) == json.loads(answer)


async def test_the_query_can_be_pasted(read_api: Api) -> None:
    response = await _curl(_command("curl", 0), read_api)
    nodes = response.json()["data"]["ranking"]["entries"]["nodes"]
    found = [(node["rank"], node["city"]["name"]) for node in nodes]
    assert found == [(1, "München"), (2, "Hamburg"), (3, "Stuttgart")]


async def test_the_update_can_be_pasted(api: Api, recompute: Recompute) -> None:
    payload = (await _curl(_command("curl", 1), api)).json()["data"]["submitScores"]
    assert payload["errors"] == []
    assert (payload["submission"]["revision"], payload["submission"]["status"]) == (2, "ACCEPTED")
    await recompute()
    query = "query($id: ID!) { submission(id: $id) { status } }"
    found = await api.data(query, {"id": payload["submission"]["id"]})
    assert found == {"submission": {"status": SubmissionStatus.RANKED.name}}


async def test_the_subscription_can_be_pasted(read_api: Api) -> None:
    method, url, headers, _, parameters = pasted.parse(_command("curl", 2), read_api)
    async with read_api.client.stream(method, url, headers=headers, params=parameters) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        async for line in response.aiter_lines():
            if line.startswith("data: "):
                event = json.loads(line.removeprefix("data: "))
                break
    assert event["data"]["rankingRecomputed"]["ranking"]["revision"] == 1


async def test_the_explanation_can_be_pasted(read_api: Api) -> None:
    entry = (await _curl(_command("curl", 3), read_api)).json()["data"]["ranking"]["entry"]
    assert len(entry["explanation"]["indicators"]) == 37
    assert [goal["kind"] for goal in entry["explanation"]["goals"]][:2] == ["NEXT_RANK", "TOP_TEN"]


async def test_the_export_can_be_pasted(read_api: Api) -> None:
    [url] = [word for word in shlex.split(_command("curl", 4)) if word.startswith("http")]
    response = await read_api.client.get(url.removeprefix("http://127.0.0.1:8000"))
    assert response.text.startswith("edition,revision,computed_at,input_hash,rank,city,name,state,score,")
    assert response.text.count("\n") == 84


def test_ci_runs_the_test_command() -> None:
    assert blocks("sh")[1].strip() == "python3 -m uv run pytest"
    assert (ROOT / ".ci/run").read_text().splitlines()[-1] == "python3 -m uv run pytest"


def _command(program: str, number: int) -> str:
    return [block for block in blocks("sh") if block.startswith(program)][number]


async def _curl(command: str, api: Api) -> httpx2.Response:
    response = await pasted.request(command, api)
    assert response.status_code == 200, response.text
    return response
