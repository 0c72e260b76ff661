"""Trusted documents: by id or text, in each mode, over each door."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from db.settings import DocumentMode, Settings
from tests.api.websocket.test_subscription import connected
from tests.conftest import Api, running_api

KNOWN = "query Known($slug: String!) { city(slug: $slug) { name } }"
FOLLOW = "subscription { rankingRecomputed { ranking { revision } } }"
OTHER = '{ city(slug: "ulm") { name } }'
BONN = {"data": {"city": {"name": "Bonn"}}}


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def by_id(text: str) -> dict[str, Any]:
    return {"documentId": f"sha256:{digest(text)}"}


def by_apollo(text: str) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest(text)}}}


def with_mode(settings: Settings, mode: DocumentMode, folder: Path) -> Settings:
    (folder / "known.graphql").write_text(KNOWN + "\n")
    (folder / "deeper").mkdir()
    (folder / "deeper" / "follow.graphql").write_text(FOLLOW)
    return settings.model_copy(update={"documents": mode, "documents_dir": folder})


async def post(api: Api, **body: Any) -> Any:
    return (await api.client.post("/graphql", json=body)).json()


def code(answer: Any) -> str:
    [error] = answer["errors"]
    found: str = error["extensions"]["code"]
    return found


@pytest.mark.parametrize("mode", [DocumentMode.LOG, DocumentMode.PREFER, DocumentMode.ONLY])
async def test_a_known_document_is_answered_by_its_id(mode: DocumentMode, settings: Settings, tmp_path: Path) -> None:
    variables = {"slug": "bonn"}
    async with running_api(with_mode(settings, mode, tmp_path)) as api:
        for named in (by_id(KNOWN), by_apollo(KNOWN), by_id(KNOWN + "\n"), {"query": KNOWN}):
            assert await post(api, **named, variables=variables) == BONN
        params = {"variables": json.dumps(variables)}
        assert (await api.client.get("/graphql", params={**params, **by_id(KNOWN)})).json() == BONN
        extensions = json.dumps(by_apollo(KNOWN)["extensions"])
        assert (await api.client.get("/graphql", params={**params, "extensions": extensions})).json() == BONN
        stream = await api.client.post(
            "/graphql", json=by_id(KNOWN) | {"variables": variables}, headers={"Accept": "text/event-stream"}
        )
        assert f"data: {json.dumps(BONN, separators=(',', ':'))}" in stream.text
        async with connected(api) as socket:
            await socket.send(type="subscribe", id="1", payload=by_id(FOLLOW))
            assert (await socket.event())["ranking"] == {"revision": 1}
            await socket.send(type="subscribe", id="2", payload=by_apollo(KNOWN) | {"variables": variables})
            assert (await socket.receive())["payload"] == BONN


@pytest.mark.parametrize("mode", DocumentMode)
async def test_what_is_not_in_the_folder(mode: DocumentMode, settings: Settings, tmp_path: Path) -> None:
    async with running_api(with_mode(settings, mode, tmp_path)) as api:
        unknown = await post(api, **by_apollo(OTHER))
        both = await post(api, query=OTHER, **by_apollo(OTHER))
        again = await post(api, **by_apollo(OTHER))
        alone = await post(api, query=OTHER)
        async with connected(api) as socket:
            await socket.send(type="subscribe", id="1", payload={"query": OTHER})
            over_socket = await socket.receive()
    answered = {"data": {"city": {"name": "Ulm"}}}
    if mode is DocumentMode.OFF:
        assert (code(unknown), code(again)) == ("PERSISTED_QUERY_NOT_SUPPORTED",) * 2
        assert both == alone == answered
    elif mode is DocumentMode.ONLY:
        assert (code(unknown), code(again)) == ("PERSISTED_QUERY_NOT_FOUND",) * 2
        assert (code(both), code(alone)) == ("DOCUMENT_NOT_TRUSTED",) * 2
        assert over_socket["payload"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"
    else:
        assert code(unknown) == "PERSISTED_QUERY_NOT_FOUND"
        assert both == again == alone == answered


@pytest.mark.parametrize(
    "body",
    [
        {"query": OTHER, "documentId": f"sha256:{digest(KNOWN)}"},
        {"documentId": 5},
        {"query": 5, "documentId": f"sha256:{digest(KNOWN)}"},
        {"extensions": {"persistedQuery": {"sha256Hash": ["x"]}}},
        {"extensions": {"persistedQuery": "x"}},
    ],
)
async def test_bad_ids_are_400(body: Any, settings: Settings, tmp_path: Path) -> None:
    async with running_api(with_mode(settings, DocumentMode.PREFER, tmp_path)) as api:
        response = await api.client.post("/graphql", json=body)
    assert (response.status_code, code(response.json())) == (400, "BAD_REQUEST")


async def test_a_folder_that_is_none_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="documents_dir"):
        Settings(documents_dir=tmp_path / "nowhere")


async def test_what_clients_register_is_bounded(settings: Settings, tmp_path: Path) -> None:
    small = with_mode(settings, DocumentMode.PREFER, tmp_path).model_copy(update={"memory_mb": 8})
    async with running_api(small) as api:
        texts = [f"{OTHER} # {number} {'x' * 19_000}" for number in range(450)]
        for text in texts:
            api.service.trusted.text({"query": text, **by_apollo(text)})
        long = f"{OTHER} # {'x' * 20_000}"
        await post(api, query=long, **by_apollo(long))
        found = [await post(api, **by_apollo(text)) for text in (texts[0], texts[-1], long)]
    assert [("errors" in answer) for answer in found] == [True, False, True]
