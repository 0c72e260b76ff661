"""Tokens of an issuer: whom they speak for, and what of them is never believed."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from pydantic import ValidationError

from api.access.oidc import Issuer as Verifier
from api.access.token import LEEWAY_SECONDS, ExpiredError, Role, TokenError, Viewer
from db.postgres.pool import Pool
from db.settings import Settings
from tests.api.access.test_token import encoded
from tests.api.schema.test_submission import SUBMIT, payment
from tests.conftest import Api, running_api
from tests.issuer import AUDIENCE, Issuer, running_issuer
from tests.paths.conftest import sci


@pytest_asyncio.fixture(scope="module")
async def issuer() -> AsyncIterator[Issuer]:
    """One issuer for the tests that change nothing of it."""
    async with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def verifier(issuer: Issuer) -> Verifier:
    """Of an API that has just started."""
    return Verifier(issuer.url, AUDIENCE, "role", "city")


def settings_with(settings: Settings, issuer: Issuer) -> Settings:
    return settings.model_copy(update={"oidc_issuer": issuer.url, "oidc_audience": AUDIENCE})


@pytest_asyncio.fixture
async def api(settings: Settings, issuer: Issuer) -> AsyncIterator[Api]:
    """A server that believes the issuer."""
    async with running_api(settings_with(settings, issuer)) as api:
        yield api


@pytest.mark.parametrize(("algorithm", "kid"), [("RS256", "rsa"), ("PS256", "rsa"), ("ES256", "ec"), ("EdDSA", "okp")])
async def test_every_algorithm_that_is_asymmetric_is_believed(
    algorithm: str, kid: str, issuer: Issuer, verifier: Verifier
) -> None:
    now = int(time.time())
    token = issuer.token(algorithm, kid, exp=now + 60)
    assert await verifier.verify(token) == Viewer("made up", Role.READER, (), now + 60 + LEEWAY_SECONDS)


ROLES: list[tuple[dict[str, Any], Role, tuple[str, ...]]] = [
    ({}, Role.READER, ()),
    ({"role": "reader"}, Role.READER, ()),
    ({"role": "king"}, Role.READER, ()),
    ({"role": []}, Role.READER, ()),
    ({"role": "editor", "city": "bonn"}, Role.EDITOR, ("bonn",)),
    ({"role": ["offline", "editor"], "city": ["bonn", "krefeld"]}, Role.EDITOR, ("bonn", "krefeld")),
    ({"role": ["admin", "editor"]}, Role.ADMIN, ()),
    ({"aud": ["another", AUDIENCE], "role": "admin"}, Role.ADMIN, ()),
    ({"header": {"typ": "at+jwt", "x-issuer-field": "1"}, "role": "admin"}, Role.ADMIN, ()),
    ({"nbf": int(time.time()) + 2, "iat": int(time.time()) + 2}, Role.READER, ()),
]


@pytest.mark.parametrize(("changed", "role", "cities"), ROLES)
async def test_who_a_token_speaks_for(
    changed: dict[str, Any], role: Role, cities: tuple[str, ...], issuer: Issuer, verifier: Verifier
) -> None:
    found = await verifier.verify(issuer.token(**changed))
    assert (found.role, found.cities) == (role, cities)


async def test_the_claims_may_have_other_names(issuer: Issuer) -> None:
    verifier = Verifier(issuer.url, AUDIENCE, "https://example.org/role", "communes")
    named: dict[str, Any] = {"https://example.org/role": "editor", "communes": ["bonn"]}
    found = await verifier.verify(issuer.token(**named, role="admin", city="krefeld"))
    assert (found.role, found.cities) == (Role.EDITOR, ("bonn",))


def unsigned(issuer: Issuer) -> str:
    return f"{encoded({'alg': 'none', 'kid': 'ec'})}.{encoded(issuer.claims(role='admin'))}."


def symmetric(secret: Callable[[Issuer], bytes]) -> Callable[[Issuer], str]:
    """A token by HS256 whose secret is something that everybody knows."""

    def sign(issuer: Issuer) -> str:
        # By hand: joserfc makes no such key.
        signed = f"{encoded({'alg': 'HS256', 'kid': 'rsa'})}.{encoded(issuer.claims(role='admin'))}"
        signature = hmac.digest(secret(issuer), signed.encode(), "sha256")
        return f"{signed}.{urlsafe_b64encode(signature).decode().rstrip('=')}"

    return sign


def public_pem(issuer: Issuer) -> bytes:
    key = issuer.keys["rsa"]
    assert isinstance(key, RSAKey)
    return key.as_pem(private=False)


def by_another(issuer: Issuer) -> str:
    """Signed with a key of somebody else that calls itself the issuer's."""
    return jwt.encode({"alg": "ES256", "kid": "ec"}, issuer.claims(role="admin"), ECKey.generate_key("P-256"))


def by(algorithm: str) -> Callable[[Issuer], str]:
    """A token by another algorithm of the issuer's RSA key."""
    header = {"alg": algorithm, "kid": "rsa"}
    return lambda i: jwt.encode(header, i.claims(role="admin"), i.keys["rsa"], algorithms=[algorithm])


REFUSED: dict[str, tuple[Callable[[Issuer], str], str]] = {
    "audience": (lambda i: i.token(aud="another"), "'aud'"),
    "audiences": (lambda i: i.token(aud=["another"]), "'aud'"),
    "no audience": (lambda i: i.token(aud=None), "'aud'"),
    "issuer": (lambda i: i.token(iss="https://example.org"), "'iss'"),
    "issuer with a slash": (lambda i: i.token(iss=f"{i.url}/"), "'iss'"),
    "issuers": (lambda i: i.token(iss=[i.url]), "'iss'"),
    "no issuer": (lambda i: i.token(iss=None), "'iss'"),
    "not yet": (lambda i: i.token(nbf=int(time.time()) + 60), "not yet valid"),
    "no end": (lambda i: i.token(exp=None), "'exp'"),
    "no subject": (lambda i: i.token(sub=None), "'sub'"),
    "empty subject": (lambda i: i.token(sub=""), "'sub'"),
    "role": (lambda i: i.token(role=5), "role is neither"),
    "city": (lambda i: i.token(city=[5]), "city is neither"),
    "none": (unsigned, "Algorithm of 'none'"),
    "public key as secret": (symmetric(public_pem), "Algorithm of 'HS256'"),
    "key set as secret": (
        symmetric(lambda i: json.dumps(i.keys["rsa"].as_dict(private=False)).encode()),
        "Algorithm of 'HS256'",
    ),
    "key of another": (by_another, "bad_signature"),
    "unknown key": (lambda i: i.token(header={"kid": "nobody's"}), "key is none of the issuer's"),
    "key of another kind": (lambda i: i.token(header={"kid": "rsa"}), "key is none of the issuer's"),
    "weaker than pinned": (by("RS384"), "Algorithm of 'RS384'"),
    "nonsense": (lambda _: "nonsense", "."),
    "key id that is no text": (lambda i: f"{encoded({'alg': 'ES256', 'kid': [5]})}.e30.e30", "'kid'"),
    "header that is none": (lambda i: f"{encoded(['alg'])}.e30.e30", "not of the form"),
    "critical": (lambda i: f"{encoded({'alg': 'ES256', 'kid': 'ec', 'crit': ['x'], 'x': 1})}.e30.e30", "Unsupported"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_anything_else_is_not(case: str, issuer: Issuer, verifier: Verifier) -> None:
    make, words = REFUSED[case]
    assert (await verifier.verify(issuer.token())).subject == "made up"
    with pytest.raises(TokenError, match=f"^the bearer token is not valid here: .*{words}"):
        await verifier.verify(make(issuer))


async def test_a_token_ends(issuer: Issuer, verifier: Verifier) -> None:
    now = int(time.time())
    assert (await verifier.verify(issuer.token(exp=now - 3))).expires_at == now - 3 + LEEWAY_SECONDS
    with pytest.raises(ExpiredError, match=r"^the bearer token has expired$"):
        await verifier.verify(issuer.token(exp=now - 6))


async def test_a_token_of_the_installation_is_not_believed_beside_an_issuer(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.token()}"}
    response = await api.client.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    [error] = response.json()["errors"]
    assert error["extensions"] == {"code": "UNAUTHENTICATED"}


async def test_each_role_may_do_its_own(api: Api, issuer: Issuer, pool: Pool) -> None:
    variables = {"input": {"edition": 2025, "scores": [payment()]}}
    refused: list[dict[str, Any]] = [{}, {"role": "reader"}, {"role": "editor"}, {"role": "editor", "city": ["bonn"]}]
    for claims in refused:
        answer = await api.post(SUBMIT, variables, issuer.token(**claims))
        assert answer["data"] is None
    assert await pool.fetchval("select revision from edition where year = 2025") == 1
    allowed: list[dict[str, Any]] = [{"role": "editor", "city": ["bonn", "krefeld"]}, {"role": "admin"}]
    for claims in allowed:
        payload = (await api.data(SUBMIT, variables, issuer.token(sub="made up person", **claims)))["submitScores"]
        assert payload["errors"] == []
        assert payload["submission"]["submittedBy"] == "made up person"


BAD_SETTINGS: list[tuple[dict[str, str], str]] = [
    ({"oidc_issuer": "https://example.org"}, "set together"),
    ({"oidc_audience": "x"}, "set together"),
    ({"oidc_issuer": "http://example.org", "oidc_audience": "x"}, "an issuer is an https URL"),
    ({"oidc_issuer": "http://127.0.0.1@example.org", "oidc_audience": "x"}, "an issuer is an https URL"),
    ({"oidc_issuer": "https://", "oidc_audience": "x"}, "an issuer is an https URL"),
    ({"oidc_issuer": "https://[", "oidc_audience": "x"}, "IPv6"),
    ({"oidc_issuer": "https://example.org?x", "oidc_audience": "x"}, "an issuer is an https URL"),
    ({"oidc_issuer": "example.org", "oidc_audience": "x"}, "an issuer is an https URL"),
]


@pytest.mark.parametrize(("given", "words"), BAD_SETTINGS)
def test_an_issuer_is_named_whole_and_safe(given: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Settings(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "issuer", ["https://example.org/realms/x", "https://example.org/", "http://localhost:1", "http://[::1]:1", ""]
)
def test_an_empty_issuer_is_none(issuer: str) -> None:
    given = Settings(oidc_issuer=issuer, oidc_audience=issuer and "x")
    assert (given.oidc_issuer, given.oidc_audience) == ((issuer, "x") if issuer else (None, None))


async def test_the_token_command_says_who_signs() -> None:
    issuer = "https://example.org/realms/x"
    printed = await sci("token", SCI_OIDC_ISSUER=issuer, SCI_OIDC_AUDIENCE="x")
    said = f"sci: {issuer} signs the tokens of this installation (SCI_OIDC_ISSUER): ask it for one\n"
    assert (printed.status, printed.output, printed.errors) == (1, "", said)
    half = await sci("token", SCI_OIDC_ISSUER=issuer)
    assert half.status == 1
    assert half.errors == ("sci: SCI_OIDC_AUDIENCE: SCI_OIDC_ISSUER and SCI_OIDC_AUDIENCE are set together\n")
