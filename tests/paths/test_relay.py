"""Relay's compiler on our schema, and what it makes of a frontend's source on our server."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from api import schema
from tests.conftest import Api
from tests.paths import node

SDL = Path(schema.__file__).parents[1] / "schema.graphql"


async def compiled(npm: Path, folder: Path) -> dict[str, str]:
    """The text of each operation of `npm/relay` as Relay sends it, by the id that Relay gives it."""
    shutil.copytree(npm / "relay", folder, dirs_exist_ok=True)
    shutil.copy(SDL, folder)
    documents = folder / "documents.json"
    documents.write_text("{}")
    await node.output(npm / "node_modules" / "relay-compiler" / "cli.js", folder=folder)
    texts: dict[str, str] = json.loads(documents.read_text())
    return texts


async def entries(api: Api, document_id: str, **variables: Any) -> Any:
    """The page of a ranking that a document asks for, named by its id alone."""
    response = await api.client.post("/graphql", json={"documentId": document_id, "variables": variables})
    return response.json()["data"]["node"]["entries"]


async def test_relay_compiles_a_node_and_a_connection_and_pages_through_it(
    npm: Path, tmp_path: Path, read_api: Api
) -> None:
    texts = await compiled(npm, tmp_path)
    for document_id, text in texts.items():
        assert hashlib.sha256(text.encode()).hexdigest() == document_id
        brought = {"documentId": document_id, "query": text, "variables": {"id": "", "count": 1}}
        await read_api.client.post("/graphql", json=brought)
    ids = {text.split("(")[0]: document_id for document_id, text in texts.items()}
    ranking = (await read_api.data("{ ranking(edition: 2025, revision: 1) { id } }"))["ranking"]["id"]
    first = await entries(read_api, ids["query RankingPageQuery"], id=ranking, count=3)
    cursor = first["pageInfo"]["endCursor"]
    second = await entries(read_api, ids["query RankingPagePaginationQuery"], id=ranking, count=3, cursor=cursor)
    assert [edge["node"]["rank"] for page in (first, second) for edge in page["edges"]] == [1, 2, 3, 4, 5, 6]
    assert second["pageInfo"]["hasNextPage"]
