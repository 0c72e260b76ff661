"""Bearer tokens: who asks, and what they may change."""

import os
import secrets
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import Key, OctKey
from joserfc.jws import JWSRegistry

from db.settings import Settings

ALGORITHM = "HS256"
ISSUER = "smart-city-index"
# Clocks of those who sign and those who verify may differ by so much.
LEEWAY_SECONDS = 5
# In seconds since 1970; far later ones have no place in a float.
LATEST = 10**12


class Role(StrEnum):
    READER = "reader"
    EDITOR = "editor"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks; an editor may change the scores of `cities` only.

    `expires_at`, in seconds since 1970, is when the token begins to be refused; None without a token.
    """

    subject: str
    role: Role
    cities: tuple[str, ...] = ()
    expires_at: float | None = None


ANONYMOUS = Viewer("anonymous", Role.READER)


class TokenError(Exception):
    """The token is not one that is believed here, or no longer."""


class ExpiredError(TokenError):
    """The token was good and is too old: the client comes back with a newer one."""


class UnverifiableError(Exception):
    """Nobody can say now whether the token is good, which is not the client's fault."""


class Verifier(Protocol):
    """Whom tokens speak for."""

    async def verify(self, token: str) -> Viewer:
        """Raises `TokenError` with a sentence for the client, or `UnverifiableError`."""


def registry(issuer: str, audience: str) -> jwt.JWTClaimsRegistry:
    """What the claims of a token must be, whoever signs it."""
    return jwt.JWTClaimsRegistry(
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": audience},
        sub={"essential": True},
        exp={"essential": True},
    )


@contextmanager
def refusing() -> Iterator[None]:
    """Whatever is found wrong with a token is a `TokenError`, with a sentence for the client."""
    try:
        yield
    except ExpiredTokenError as error:
        raise ExpiredError("the bearer token has expired") from error
    except JoseError as error:
        raise TokenError(f"the bearer token is not valid here: {error.description or error.error}") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        # TypeError: a `crit` that is no list. RecursionError: a header or claims nested too deeply.
        raise TokenError("the bearer token is not valid here: it is not of the form of one") from error


def decode(token: str, key: Key, algorithms: JWSRegistry, expected: jwt.JWTClaimsRegistry) -> dict[str, Any]:
    """The claims of a token whose signature and claims are right; raises `TokenError`."""
    with refusing():
        claims = jwt.decode(token, key, registry=algorithms).claims
        expected.validate(claims)
        return claims


def expires_at(claims: dict[str, Any]) -> float:
    """When a token with these claims begins to be refused, in seconds since 1970."""
    return float(min(claims["exp"], LATEST) + LEEWAY_SECONDS)


def names(claim: object, what: str) -> tuple[str, ...]:
    """The names in a claim, which is a string, a list of strings or null; raises `TokenError` that says *what*."""
    match claim:
        case None:
            return ()
        case str():
            return (claim,)
        case list() if all(isinstance(name, str) for name in claim):
            return tuple(dict.fromkeys(claim))
    raise TokenError(f"the bearer token is not valid here: its {what} is neither a string nor a list of strings")


class Tokens:
    """Signs and verifies the tokens of one installation."""

    def __init__(self, secret: bytes) -> None:
        self._key = OctKey.import_key(secret)
        self._algorithms = JWSRegistry(algorithms=[ALGORITHM])
        self._expected = registry(ISSUER, ISSUER)

    def sign(self, role: Role, cities: Collection[str], ttl_seconds: int, subject: str | None = None) -> str:
        """A bearer token that is valid for *ttl_seconds* from now; without *subject*, role and cities name it."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": ISSUER,
            "sub": subject or (f"{role}:{','.join(cities)}" if cities else str(role)),
            "role": str(role),
            # One as a string and none as null, which the version before can read.
            "city": list(cities) if len(cities) > 1 else next(iter(cities), None),
            "iat": now,
            "exp": now + ttl_seconds,
        }
        return jwt.encode({"alg": ALGORITHM}, claims, self._key)

    async def verify(self, token: str) -> Viewer:
        """Who the token speaks for; raises `TokenError` with a sentence for the client."""
        claims = decode(token, self._key, self._algorithms, self._expected)
        try:
            role = Role(claims["role"])
        except (KeyError, ValueError) as error:
            raise TokenError("the bearer token is not valid here: its role is not known") from error
        return Viewer(claims["sub"], role, names(claims.get("city"), "city"), expires_at(claims))


async def viewer_of_header(authorization: str, verifier: Verifier) -> Viewer:
    """Who an Authorization header speaks for; raises as the verifier does."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise TokenError("only bearer tokens are known here")
    return await verifier.verify(token.strip())


def installation_tokens(settings: Settings) -> Tokens:
    """Those of `SCI_TOKEN_SECRET` or, without it, of the secret kept in the data dir, made when missing."""
    if settings.token_secret is not None:
        return Tokens(settings.token_secret.get_secret_value().encode())
    return Tokens(_kept_secret(settings.data_dir / "secret"))


def _kept_secret(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and linked into place: of two processes that start at once, both read the first one's.
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    if not path.exists():
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(secrets.token_urlsafe(48))
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    return path.read_bytes()
