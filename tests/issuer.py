"""An OpenID Connect issuer: a server of its own on loopback, with keys that it makes and can change."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.access.oidc import ALGORITHMS

AUDIENCE = "made-up-api"
DISCOVERY = "/.well-known/openid-configuration"


def keys() -> dict[str, Key]:
    """One for each algorithm, by key id; RSA keys fit two."""
    return {
        "rsa": RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"}),
        "ec": ECKey.generate_key("P-256", {"kid": "ec", "use": "sig", "alg": "ES256"}),
        "okp": OKPKey.generate_key("Ed25519", {"kid": "okp"}),
    }


class Issuer:
    """What it serves, and how often that was fetched; `answers` stands in for what is right at a path."""

    def __init__(self, listener: socket.socket) -> None:
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.keys = keys()
        self.configuration: dict[str, Any] = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        self.strangers: list[Any] = []
        self.answers: dict[str, Response] = {}
        self.pause_seconds = 0.0
        self.fetches: Counter[str] = Counter()

    async def answer(self, request: Request) -> Response:
        path = request.url.path
        self.fetches[path] += 1
        await asyncio.sleep(self.pause_seconds)
        return self.answers.get(path) or JSONResponse(self.right(path))

    def right(self, path: str) -> dict[str, Any]:
        """What a good issuer has there."""
        if path == DISCOVERY:
            return self.configuration
        return {"keys": [*self.strangers, *(key.as_dict(private=False) for key in self.keys.values())]}

    def claims(self, **claims: Any) -> dict[str, Any]:
        """What a good token says, changed by *claims*; None leaves one out."""
        good = {"iss": self.url, "aud": AUDIENCE, "sub": "made up", "exp": int(time.time()) + 60}
        return {name: value for name, value in (good | claims).items() if value is not None}

    def token(self, algorithm: str = "ES256", kid: str = "ec", header: Any = None, **claims: Any) -> str:
        """Signed with one of the keys; *header* changes what the token says of that, None leaves a field out."""
        described = {"alg": algorithm, "kid": kid} | (header or {})
        described = {name: value for name, value in described.items() if value is not None}
        return jwt.encode(described, self.claims(**claims), self.keys[kid], registry=ALGORITHMS)


@asynccontextmanager
async def serving(issuer: Issuer, listener: socket.socket) -> AsyncIterator[None]:
    """Serve until the end of the block, which closes the listener."""
    app = Starlette(routes=[Route("/{path:path}", issuer.answer)])
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
    # Signals stay with the test run.
    task = asyncio.create_task(server._serve([listener]))
    while not server.started:
        assert not task.done(), task.exception()
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await task


def listen(port: int = 0) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))


@asynccontextmanager
async def running_issuer() -> AsyncIterator[Issuer]:
    """A running issuer."""
    listener = listen()
    issuer = Issuer(listener)
    async with serving(issuer, listener):
        yield issuer
