"""Bearer tokens: who asks, and what they may change."""

import os
import secrets
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from db.settings import Settings

ALGORITHM = "HS256"
ISSUER = "smart-city-index"

_CLAIMS = jwt.JWTClaimsRegistry(
    leeway=5,
    iss={"essential": True, "value": ISSUER},
    aud={"essential": True, "value": ISSUER},
    sub={"essential": True},
    exp={"essential": True},
)


class Role(StrEnum):
    READER = "reader"
    EDITOR = "editor"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks; an editor may change the scores of `city` only."""

    subject: str
    role: Role
    city: str | None = None


ANONYMOUS = Viewer("anonymous", Role.READER)


class TokenError(Exception):
    """The token is not one of this installation's, or no longer."""


class Tokens:
    """Signs and verifies the tokens of one installation."""

    def __init__(self, secret: bytes) -> None:
        self._key = OctKey.import_key(secret)

    def sign(self, role: Role, city: str | None, ttl_seconds: int) -> str:
        """A bearer token that is valid for *ttl_seconds* from now."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": ISSUER,
            "sub": f"{role}:{city}" if city else str(role),
            "role": str(role),
            "city": city,
            "iat": now,
            "exp": now + ttl_seconds,
        }
        return jwt.encode({"alg": ALGORITHM}, claims, self._key)

    def verify(self, token: str) -> Viewer:
        """Who the token speaks for; raises `TokenError` with a sentence for the client."""
        try:
            decoded = jwt.decode(token, self._key, algorithms=[ALGORITHM])
            _CLAIMS.validate(decoded.claims)
            role, city = Role(decoded.claims["role"]), decoded.claims.get("city")
        except (JoseError, ValueError, KeyError, TypeError) as error:  # TypeError: a `crit` that is no list
            raise TokenError("the bearer token is not valid here, or has expired") from error
        return Viewer(decoded.claims["sub"], role, city)


def viewer(authorization: str, tokens: Tokens) -> Viewer:
    """Who an Authorization header speaks for; raises `TokenError` for one that is not ours."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise TokenError("only bearer tokens are known here")
    return tokens.verify(token.strip())


def tokens(settings: Settings) -> Tokens:
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
