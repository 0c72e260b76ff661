"""An issuer's public keys: found by OpenID Connect discovery, kept, and fetched again when they may have changed."""

import asyncio
import time
import warnings
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import Key, import_key

from api.access.token import UnverifiableError
from db import telemetry
from db.settings import is_protected

DISCOVERY = "/.well-known/openid-configuration"
# Keys that were withdrawn are believed for so long.
MAX_AGE_SECONDS = 600
# Anybody can make up key ids, and each fetch is work for the issuer.
COOLDOWN_SECONDS = 30
# As long as there is no key at all, nobody can change anything.
FIRST_COOLDOWN_SECONDS = 1
FETCH_SECONDS = 5
FETCH_LIMIT_BYTES = 256 * 1024
KEY_TYPES = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}

log = telemetry.logger(__name__)


class FetchError(Exception):
    """The issuer's answer is not what it has to be."""


class Keys:
    """The public keys of one issuer; nothing is fetched before the first is asked for."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self._keys: list[Key] = []
        self._is_away = True
        self._fetching: asyncio.Task[None] | None = None
        # Of time.monotonic().
        self._expires_at = self._rests_until = 0.0

    async def find(self, algorithm: str, kid: str | None) -> Key | None:
        """The key for an algorithm of `KEY_TYPES` and a key id; without an id, the only key for that algorithm.

        None when the issuer has no such key; UnverifiableError when it does not answer, so that nobody can tell.
        """
        is_new = time.monotonic() >= self._expires_at and await self._refresh()
        found = self._held(algorithm, kid)
        if found is None and not is_new and await self._refresh():
            self._rests_until = time.monotonic() + COOLDOWN_SECONDS
            found = self._held(algorithm, kid)
        if found is None and self._is_away:
            raise UnverifiableError("the issuer of bearer tokens does not answer: try again")
        return found

    def _held(self, algorithm: str, kid: str | None) -> Key | None:
        fitting = [
            key
            for key in self._keys
            if key.key_type == KEY_TYPES[algorithm] and key.get("alg") in (None, algorithm) and kid in (None, key.kid)
        ]
        return fitting[0] if len(fitting) == 1 or (fitting and kid is not None) else None

    async def _refresh(self) -> bool:
        """Fetch them, or wait for whoever does; False when it is too early for another time."""
        if self._fetching is None:
            if time.monotonic() < self._rests_until:
                return False
            self._fetching = asyncio.create_task(self._fetch())
        # A client that goes away must not take the fetch of the others with it.
        await asyncio.shield(self._fetching)
        return True

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(FETCH_SECONDS), httpx2.AsyncClient() as client:
                self._keys = await _fetch_keys(client, self.issuer)
        except (FetchError, httpx2.HTTPError, httpx2.InvalidURL, ValueError, OSError) as error:
            log.warning("the issuer's keys could not be fetched", issuer=self.issuer, error=repr(error))
            self._is_away = True
            self._rests_until = time.monotonic() + (COOLDOWN_SECONDS if self._keys else FIRST_COOLDOWN_SECONDS)
        else:
            self._is_away = False
            self._expires_at = time.monotonic() + MAX_AGE_SECONDS
        finally:
            self._fetching = None


async def _fetch_keys(client: httpx2.AsyncClient, issuer: str) -> list[Key]:
    configuration = await _get(client, issuer.rstrip("/") + DISCOVERY)
    if configuration.get("issuer") != issuer:
        raise FetchError(f"it calls itself {configuration.get('issuer')!r}")
    url = configuration.get("jwks_uri")
    if not isinstance(url, str) or not is_protected(url) or urlsplit(url).scheme != urlsplit(issuer).scheme:
        raise FetchError(f"its keys are at {url!r}, which is not as safe an address as its own")
    entries = (await _get(client, url)).get("keys")
    if not isinstance(entries, list):
        raise FetchError(f"{url} has no list of keys")
    return [key for entry in entries if (key := _key(entry)) is not None]


async def _get(client: httpx2.AsyncClient, url: str) -> dict[str, Any]:
    """The JSON object at an address, which may not redirect; neither compressed nor large."""
    body = b""
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    async with client.stream("GET", url, headers=headers, follow_redirects=False) as response:
        if response.status_code != httpx2.codes.OK:
            raise FetchError(f"{url} answers {response.status_code}")
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > FETCH_LIMIT_BYTES:
                raise FetchError(f"{url} has more than {FETCH_LIMIT_BYTES} bytes")
    document = orjson.loads(body)
    if not isinstance(document, dict):
        raise FetchError(f"{url} is not a JSON object")
    return document


def _key(entry: Any) -> Key | None:
    """A key of a set, None for one that signs nothing here or is too weak: it must not spoil the others."""
    if not isinstance(entry, dict) or entry.get("kty") not in KEY_TYPES.values() or entry.get("use", "sig") != "sig":
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SecurityWarning)
            return import_key(entry)
    except (JoseError, SecurityWarning, ValueError, TypeError, KeyError):
        return None
