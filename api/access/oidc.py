"""Tokens of an OpenID Connect issuer: it signs them, and this API believes nobody else's."""

from typing import Any

from joserfc import jws
from joserfc.errors import UnsupportedAlgorithmError

from api.access.jwks import KEY_TYPES, Keys
from api.access.token import (
    Role,
    TokenError,
    Verifier,
    Viewer,
    decode,
    expires_at,
    installation_tokens,
    names,
    refusing,
    registry,
)
from db.settings import Settings


class Algorithms(jws.JWSRegistry):
    """The asymmetric ones: with a symmetric one, the public key would be a secret that everybody has."""

    def get_alg(self, name: str) -> Any:
        """joserfc's, without its warning that RFC 9864 gives EdDSA other names: issuers still call it so."""
        if name not in KEY_TYPES:
            raise UnsupportedAlgorithmError(f"Algorithm of {name!r} is none of {', '.join(KEY_TYPES)}")
        return self.algorithms[name]


# Issuers add fields of their own to headers, which RFC 7515 has ignored unless they are critical.
ALGORITHMS = Algorithms(strict_check_header=False)


class Issuer:
    """Verifies what one issuer has signed for this API; `role` and `city` are the names of its claims for these."""

    def __init__(self, url: str, audience: str, role: str, city: str) -> None:
        self._keys = Keys(url)
        self._expected = registry(url, audience)
        self._role, self._city = role, city

    async def verify(self, token: str) -> Viewer:
        """Who the token speaks for: one without a role that is known here speaks for a reader."""
        key = await self._keys.find(*_signed_with(token))
        if key is None:
            raise TokenError("the bearer token is not valid here: its key is none of the issuer's")
        claims = decode(token, key, ALGORITHMS, self._expected)
        roles = names(claims.get(self._role), self._role)
        role = [role for role in Role if role in (Role.READER, *roles)][-1]
        cities = names(claims.get(self._city), self._city)
        return Viewer(claims["sub"], role, cities, expires_at(claims))


def _signed_with(token: str) -> tuple[str, str | None]:
    """Algorithm and key id, as the token says; raises `TokenError` for an algorithm that is never believed."""
    with refusing():
        header = jws.extract_compact(token.encode(), registry=ALGORITHMS).headers()
        ALGORITHMS.check_header(header)
        return ALGORITHMS.get_alg(header["alg"]).name, header.get("kid")


def verifier(settings: Settings) -> Verifier:
    """By the issuer of `SCI_OIDC_ISSUER` and nothing else or, without one, by this installation's own secret."""
    if settings.oidc_issuer is None:
        return installation_tokens(settings)
    assert settings.oidc_audience is not None, "the settings have both or none"
    return Issuer(settings.oidc_issuer, settings.oidc_audience, settings.oidc_role_claim, settings.oidc_city_claim)
