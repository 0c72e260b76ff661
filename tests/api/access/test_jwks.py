"""An issuer's keys: when they are fetched, and what of an issuer is believed."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, RSAKey
from starlette.responses import JSONResponse, RedirectResponse, Response

from api.access import jwks
from api.access.oidc import Issuer as Verifier
from api.access.token import Role, TokenError, UnverifiableError
from db.settings import Settings
from tests.api.access.test_oidc import settings_with
from tests.api.access.test_token import encoded
from tests.conftest import running_api
from tests.issuer import AUDIENCE, DISCOVERY, Issuer, listen, running_issuer, serving


@pytest_asyncio.fixture
async def issuer() -> AsyncIterator[Issuer]:
    """One of this test's own."""
    async with running_issuer() as issuer:
        yield issuer


def verifier_of(issuer: Issuer) -> Verifier:
    return Verifier(issuer.url, AUDIENCE, "role", "city")


async def test_the_keys_are_fetched_once_for_all_who_wait(issuer: Issuer) -> None:
    issuer.pause_seconds = 0.1
    verifier = verifier_of(issuer)
    leaving = asyncio.create_task(verifier.verify(issuer.token()))
    await asyncio.sleep(0.05)
    leaving.cancel()
    found = await asyncio.gather(*(verifier.verify(issuer.token(sub=f"{n}")) for n in range(20)))
    assert [viewer.subject for viewer in found] == [f"{n}" for n in range(20)]
    await verifier.verify(issuer.token())
    assert issuer.fetches == {DISCOVERY: 1, "/keys": 1}


async def test_an_unknown_key_has_them_fetched_once_and_then_not_for_a_while(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "COOLDOWN_SECONDS", 1)
    verifier = verifier_of(issuer)
    await verifier.verify(issuer.token())
    assert issuer.fetches["/keys"] == 1

    async def refused(n: int) -> None:
        with pytest.raises(TokenError, match="key is none of the issuer's"):
            await verifier.verify(issuer.token(header={"kid": f"made up {n}"}))

    await asyncio.gather(*map(refused, range(20)))
    for n in range(20):
        await refused(n)
    assert issuer.fetches["/keys"] == 2
    assert (await verifier.verify(issuer.token())).subject == "made up"
    await asyncio.sleep(1)
    await refused(1)
    assert issuer.fetches["/keys"] == 3


@pytest.mark.parametrize("forged", ["HS256", "none"])
async def test_an_algorithm_that_is_never_believed_fetches_nothing(forged: str, issuer: Issuer) -> None:
    claims, signature = issuer.token().split(".")[1:]
    token = f"{encoded({'alg': forged, 'kid': 'new'})}.{claims}.{signature}"
    with pytest.raises(TokenError):
        await verifier_of(issuer).verify(token)
    assert issuer.fetches == {}


async def test_keys_that_are_exchanged_are_followed(issuer: Issuer) -> None:
    verifier = verifier_of(issuer)
    old = issuer.token()
    await verifier.verify(old)
    issuer.keys["new"] = ECKey.generate_key("P-256", {"kid": "new"})
    del issuer.keys["ec"]
    assert (await verifier.verify(issuer.token(kid="new", role="admin"))).role is Role.ADMIN
    with pytest.raises(TokenError, match="key is none of the issuer's"):
        await verifier.verify(old)
    assert issuer.fetches["/keys"] == 2


async def test_a_key_that_was_withdrawn_is_believed_for_a_limited_time(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "MAX_AGE_SECONDS", 0.5)
    verifier, old = verifier_of(issuer), issuer.token()
    await verifier.verify(old)
    del issuer.keys["ec"]
    await verifier.verify(old)
    await asyncio.sleep(0.5)
    with pytest.raises(TokenError, match="key is none of the issuer's"):
        await verifier.verify(old)
    assert issuer.fetches["/keys"] == 2


async def test_without_a_key_id_the_only_key_that_fits_is_taken(issuer: Issuer) -> None:
    verifier = verifier_of(issuer)
    assert (await verifier.verify(issuer.token(header={"kid": None}))).subject == "made up"
    issuer.keys["other"] = ECKey.generate_key("P-256", {"kid": "other"})
    with pytest.raises(TokenError, match="key is none of the issuer's"):
        await verifier_of(issuer).verify(issuer.token(header={"kid": None}))


async def test_old_keys_are_used_while_the_issuer_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "MAX_AGE_SECONDS", 0.2)
    monkeypatch.setattr(jwks, "COOLDOWN_SECONDS", 0.5)
    listener = listen()
    port = listener.getsockname()[1]
    issuer = Issuer(listener)
    verifier = verifier_of(issuer)
    async with serving(issuer, listener):
        await verifier.verify(issuer.token())
    await asyncio.sleep(0.2)
    for _ in range(3):
        assert (await verifier.verify(issuer.token())).subject == "made up"
    with pytest.raises(UnverifiableError):
        await verifier.verify(issuer.token(header={"kid": "new"}))
    with pytest.raises(TokenError, match="'aud'"):
        await verifier.verify(issuer.token(aud="another"))
    issuer.keys["new"] = ECKey.generate_key("P-256", {"kid": "new"})
    async with serving(issuer, listen(port)):
        await asyncio.sleep(0.5)
        assert (await verifier.verify(issuer.token(kid="new"))).subject == "made up"


async def test_before_any_key_was_seen_nobody_is_anonymous(settings: Settings) -> None:
    listener = listen()
    port = listener.getsockname()[1]
    issuer = Issuer(listener)
    listener.close()
    headers = {"Authorization": f"Bearer {issuer.token(role='admin')}"}
    async with running_api(settings_with(settings, issuer)) as api:
        for query in ("{ __typename }", "subscription { rankingRecomputed { ranking { revision } } }"):
            response = await api.client.post("/graphql", json={"query": query}, headers=headers)
            assert (response.status_code, response.headers["retry-after"]) == (503, "5")
            [error] = response.json()["errors"]
            assert error["extensions"] == {"code": "UNAVAILABLE"}
        assert await api.data("{ __typename }") == {"__typename": "Query"}
        async with serving(issuer, listen(port)), asyncio.timeout(10):
            while "errors" in (answer := await api.post("{ __typename }", token=issuer.token())):
                await asyncio.sleep(0.1)
            assert answer == {"data": {"__typename": "Query"}}


BIG = b"[" + b"0," * (jwks.FETCH_LIMIT_BYTES // 2) + b"0]"
WRONG: dict[str, Response] = {
    "absent": Response(status_code=404),
    "failing": Response(status_code=500),
    "empty": Response(),
    "no JSON": Response("<html>"),
    "no object": JSONResponse([]),
    "no keys": JSONResponse({}),
    "keys that are none": JSONResponse({"keys": 5}),
    "large": Response(b'{"keys": ' + BIG + b"}"),
    "deep": Response(b'{"keys": ' + b"[" * 5000 + b"]" * 5000 + b"}"),
}


@pytest.mark.parametrize("path", [DISCOVERY, "/keys"])
@pytest.mark.parametrize("case", WRONG)
async def test_an_answer_that_is_wrong_is_as_good_as_none(case: str, path: str, issuer: Issuer) -> None:
    issuer.answers[path] = WRONG[case]
    with pytest.raises(UnverifiableError, match="the issuer of bearer tokens does not answer"):
        await verifier_of(issuer).verify(issuer.token())


@pytest.mark.parametrize("path", [DISCOVERY, "/keys"])
async def test_a_redirect_is_not_followed(path: str, issuer: Issuer) -> None:
    issuer.answers["/elsewhere"] = JSONResponse(issuer.right(path))
    issuer.answers[path] = RedirectResponse("/elsewhere")
    with pytest.raises(UnverifiableError):
        await verifier_of(issuer).verify(issuer.token())
    assert issuer.fetches["/elsewhere"] == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://example.org"},
        {"issuer": None},
        {"jwks_uri": None},
        {"jwks_uri": "http://example.org/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": "/keys"},
        {"jwks_uri": "http://["},
        {"jwks_uri": "http://127.0.0.1:1\u0000/"},
    ],
)
async def test_discovery_names_the_issuer_and_a_safe_address(changed: dict[str, str], issuer: Issuer) -> None:
    issuer.configuration |= changed
    with pytest.raises(UnverifiableError):
        await verifier_of(issuer).verify(issuer.token())
    assert issuer.fetches == {DISCOVERY: 1}


async def test_an_issuer_that_does_not_end_is_given_up(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "FETCH_SECONDS", 0.2)
    issuer.pause_seconds = 1
    async with asyncio.timeout(1):
        with pytest.raises(UnverifiableError):
            await verifier_of(issuer).verify(issuer.token())


async def test_keys_that_are_weak_or_strange_are_passed_over(issuer: Issuer) -> None:
    with pytest.warns(SecurityWarning):
        weak = RSAKey.generate_key(1024, {"kid": "weak"})
    issuer.keys["weak"] = weak
    shared = OctKey.generate_key(256, {"kid": "shared"})
    encrypting = ECKey.generate_key("P-256", {"kid": "encrypting", "use": "enc"})
    issuer.keys["encrypting"] = encrypting
    issuer.strangers = [
        5,
        {},
        {"kty": []},
        {"kty": "AKP", "kid": "later"},
        {"kty": "EC"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "RSA", "n": "!", "e": 5},
        shared.as_dict(private=True),
    ]
    verifier = verifier_of(issuer)
    assert (await verifier.verify(issuer.token())).subject == "made up"
    for algorithm, kid in (("RS256", "weak"), ("ES256", "encrypting"), ("ES256", "shared")):
        with pytest.raises(TokenError, match="key is none of the issuer's"):
            await verifier.verify(issuer.token(algorithm, "rsa" if kid == "weak" else "ec", header={"kid": kid}))
