"""Under a path of a proxy every link of ours works, whether the proxy takes the path off or not."""

import re
from html import unescape
from typing import Any
from urllib.parse import urljoin

import pytest
import websockets
from pydantic import ValidationError

from db.settings import Settings
from tests.api.websocket.test_subscription import TRANSPORT, address
from tests.conftest import Api, running_api

LINK = re.compile(r'(?:href|src)="([^"#]+)"')
QUERY = {"query": '{ city(slug: "bonn") { name } }'}


async def follow(api: Api, start: str, prefix: str, **headers: str) -> set[str]:
    """Every address that is linked from *start*, and answered; a browser asks a proxy that leaves the path on."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        path = waiting.pop()
        answer = await api.client.get(path, headers=headers)
        assert answer.status_code in (200, 307), path
        # The pages of all cities are made alike; guides name other hosts.
        is_followed = re.search(r"/guide/.|/20\d\d/(?!krefeld)", path) is None
        if is_followed and answer.headers.get("content-type", "").startswith("text/html"):
            links = {urljoin(path, unescape(link)) for link in LINK.findall(answer.text) if link != "data:,"}
            assert all(link.startswith(f"{prefix}/") for link in links), links
            waiting += links - found
            found |= links
    return found


@pytest.mark.parametrize("taken_off", [False, True])
async def test_every_link_works_under_a_path(taken_off: bool, settings: Settings) -> None:
    async with running_api(settings.model_copy(update={"root_path": "/smart/index"})) as api:
        links = await follow(api, "/smart/index/en/2025", "/smart/index")
        assert {
            "/smart/index/de/2025/krefeld.csv",
            "/smart/index/export/2025.csv",
            "/smart/index/graphiql/page.css",
        } <= links
        page = (await api.client.get("/en/2025" if taken_off else "/smart/index/en/2025")).text
        assert f"{api.url}/smart/index/graphql" in page
        prefix = "" if taken_off else "/smart/index"
        answer = await api.client.post(f"{prefix}/graphql", json=QUERY)
        assert answer.json() == {"data": {"city": {"name": "Bonn"}}}
        async with websockets.connect(address(api).replace("/graphql", f"{prefix}/graphql"), subprotocols=[TRANSPORT]):
            pass
        for path, target in (("/smart/index", "/smart/index/"), (f"{prefix}/graphiql", "/smart/index/graphiql/")):
            redirect = await api.client.get(path)
            assert redirect.status_code == 307
            assert redirect.headers["location"].removeprefix(api.url) == target
        assert (await api.client.get("/smart/indexes/healthz")).status_code == 404
        metrics = (await api.client.get(f"{prefix}/metrics")).text
        assert 'sci_http_requests_total{route="/graphql",status="200"}' in metrics


async def test_a_trusted_proxy_names_the_path(settings: Settings) -> None:
    changed: dict[str, Any] = {"trusted_proxies": ("127.0.0.0/8",), "root_path": "/other"}
    trusting = Settings.model_validate({**settings.model_dump(), **changed, "token_secret": settings.token_secret})
    async with running_api(trusting) as api:
        for named, used in (("/index", "/index"), ("/index/", "/index"), ("//evil.example", "/other"), ("", "")):
            headers = {"X-Forwarded-Prefix": named, "X-Forwarded-For": "203.0.113.9"}
            page = (await api.client.get("/en/2025", headers=headers)).text
            assert f"{api.url}{used}/graphql " in page
            assert (await api.client.post("/graphql", json=QUERY, headers=headers)).status_code == 200


async def test_anybody_else_does_not(read_api: Api) -> None:
    page = (await read_api.client.get("/en/2025", headers={"X-Forwarded-Prefix": "/index"})).text
    assert f"{read_api.url}/graphql " in page


@pytest.mark.parametrize("path", ["index", "//", "//index", "/in dex", "/..", "/a/../b", "/a?b", '/a"b'])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match="is not a path like /index"):
        Settings(root_path=path)


@pytest.mark.parametrize(
    ("path", "root_path"), [("", "/"), ("/", "/"), ("/index/", "/index"), ("/a/b-c_d.e~f", "/a/b-c_d.e~f")]
)
def test_a_slash_at_the_end_says_nothing(path: str, root_path: str) -> None:
    assert Settings(root_path=path).root_path == root_path
