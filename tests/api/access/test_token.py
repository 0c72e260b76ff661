"""Tokens: only this installation's, only as long as they say, only by the algorithm they say."""

import asyncio
import base64
import hmac
import json
import stat
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from api.access.token import ISSUER, LATEST, LEEWAY_SECONDS, Role, TokenError, Tokens, Viewer, installation_tokens
from db.settings import Settings
from tests.api.schema.test_submission import SUBMIT, payment
from tests.conftest import Api

SECRET = b"made up for tests, made up for tests"
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": ISSUER,
    "sub": "admin",
    "role": "admin",
    "city": None,
    "exp": 4102444800,
}


def signed(secret: bytes = SECRET, **claims: object) -> str:
    return jwt.encode({"alg": "HS256"}, CLAIMS | claims, OctKey.import_key(secret))


def unsigned() -> str:
    return f"{encoded({'alg': 'none'})}.{encoded(CLAIMS)}."


def headed(**header: object) -> str:
    """A token with that header and the signature of another."""
    return f"{encoded(header)}.{encoded(CLAIMS)}.{signed().rpartition('.')[2]}"


def encoded(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def nested(*, in_header: bool) -> str:
    """A token of which a part is nested more deeply than Python's parser goes, with a right signature."""
    deep = b'{"deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    parts = (deep, json.dumps(CLAIMS).encode()) if in_header else (b'{"alg":"HS256"}', deep)
    content = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    signature = hmac.digest(SECRET, content, "sha256")
    return b".".join((content, base64.urlsafe_b64encode(signature).rstrip(b"="))).decode()


END = CLAIMS["exp"] + LEEWAY_SECONDS
BELIEVED = [
    (signed(), Viewer("admin", Role.ADMIN, (), END)),
    (signed(role="editor", city="bonn"), Viewer("admin", Role.EDITOR, ("bonn",), END)),
    (signed(role="editor", city=["bonn", "krefeld", "bonn"]), Viewer("admin", Role.EDITOR, ("bonn", "krefeld"), END)),
    (signed(role="editor", city=[]), Viewer("admin", Role.EDITOR, (), END)),
    (signed(exp=10**400), Viewer("admin", Role.ADMIN, (), LATEST + LEEWAY_SECONDS)),
]


@pytest.mark.parametrize(("token", "viewer"), BELIEVED)
async def test_what_is_signed_is_believed(token: str, viewer: Viewer) -> None:
    assert await Tokens(SECRET).verify(token) == viewer


@pytest.mark.parametrize("cities", [(), ("bonn",), ("bonn", "krefeld")])
async def test_a_token_is_for_the_cities_that_it_was_signed_for(cities: tuple[str, ...]) -> None:
    tokens = Tokens(SECRET)
    found = await tokens.verify(tokens.sign(Role.EDITOR, cities, 60))
    assert (found.cities, found.subject) == (cities, ":".join(filter(None, ["editor", ",".join(cities)])))
    assert found.expires_at == pytest.approx(time.time() + 60 + LEEWAY_SECONDS, abs=5)


@pytest.mark.parametrize(
    "token",
    [
        signed(b"another secret, another secret, another"),
        nested(in_header=True),
        nested(in_header=False),
        signed(exp=1),
        signed(exp=None),
        signed(iss="somebody"),
        signed(aud="somewhere"),
        signed(sub=None),
        signed(role="king"),
        signed(role=None),
        signed(role=["admin"]),
        signed(city=5),
        signed(city=["bonn", 5]),
        signed(exp="soon"),
        signed(nbf=4102444700),
        unsigned(),
        headed(alg="none"),
        headed(alg=None),
        headed(alg="HS512"),
        headed(alg="HS256", crit=5),
        headed(alg="HS256", crit=None),
        headed(alg="HS256", crit=[[]]),
        headed(alg="HS256", b64=False),
        headed(),
        "nonsense",
        "a.b.c",
        "é.é.é",
        "",
    ],
)
async def test_anything_else_is_not(token: str) -> None:
    with pytest.raises(TokenError, match=r"^the bearer token (is not valid here: .|has expired$)"):
        await Tokens(SECRET).verify(token)


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer {signed(b'another secret, another secret, another')}",
        f"Bearer {signed(exp=1)}",
        f"Bearer {unsigned()}",
        f"Bearer {headed(alg='HS256', crit=5)}",
        "Bearer nonsense",
        "Bearer",
        "Bearer é",
        f"Basic {signed()}",
        "nonsense",
        "",
    ],
)
@pytest.mark.parametrize("query", ["{ ranking { revision } }", SUBMIT])
async def test_a_bad_token_is_401_whatever_is_asked(authorization: str, query: str, read_api: Api) -> None:
    body = {"query": query, "variables": {"input": {"edition": 2025, "scores": [payment()]}}}
    headers = {b"Authorization": authorization.encode()}
    response = await read_api.client.post("/graphql", json=body, headers=headers)
    [error] = response.json()["errors"]
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}
    assert "token" in error["message"]
    assert (await read_api.data("{ edition(year: 2025) { revision } }"))["edition"] == {"revision": 1}


async def test_a_token_ends(read_api: Api) -> None:
    leeway_seconds = 5
    for ttl_seconds, status in ((1 - leeway_seconds, 200), (-1 - leeway_seconds, 401)):
        headers = {"Authorization": f"bearer {read_api.token(ttl_seconds=ttl_seconds)}"}
        response = await read_api.client.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
        assert response.status_code == status


async def test_two_processes_that_start_at_once_share_one_secret(tmp_path: Path) -> None:
    code = "import sys; from db.settings import Settings; from pathlib import Path\n"
    code += "from api.access.token import Role, installation_tokens\n"
    code += "print(installation_tokens(Settings(data_dir=Path(sys.argv[1]))).sign(Role.ADMIN, (), 60))"
    arguments = [sys.executable, "-c", code, str(tmp_path / "data")]
    processes = [await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE) for _ in range(3)]
    outputs = [(await process.communicate())[0].decode().strip() for process in processes]
    tokens = installation_tokens(Settings(data_dir=tmp_path / "data", token_secret=None))
    assert {(await tokens.verify(token)).subject for token in outputs} == {"admin"}
    files = list((tmp_path / "data").iterdir())
    assert [file.name for file in files] == ["secret"]
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600
