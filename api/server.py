"""Runs one API process under uvicorn."""

import gc
import signal
import socket
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api.app import Service, create_app
from api.http.protocol import Protocol
from api.http.root_path import RootPath
from db import telemetry
from db.settings import Settings

# Objects made before Python looks for garbage: an answer of 300 kB is made of 4,000.
GARBAGE_THRESHOLD = 10_000


class Server(uvicorn.Server):
    """Breaks off event streams before it waits for connections to end; WebSockets get 1012."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self.service = service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # The schema and the rankings stay: looking through them for garbage took half of a whole nested ranking's time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(GARBAGE_THRESHOLD, 10, 10)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.service.http.stopping.set()
        await super().shutdown(sockets)


def _behind_proxies(app: ASGIApp, settings: Settings) -> ASGIApp:
    """The application with what proxies say of its clients and of its place.

    Anybody can send X-Forwarded-For: it is read from those named only, right to left.
    """
    if not settings.trusted_proxies:
        return RootPath(app, settings) if settings.root_path != "/" else app
    proxies = [str(network) for network in settings.trusted_proxies]
    return RootPath(cast("ASGIApp", ProxyHeadersMiddleware(cast("Any", app), proxies)), settings)


def configuration(service: Service, **listening: Any) -> uvicorn.Config:
    """How a process serves; *listening* says where."""
    settings = service.settings
    return uvicorn.Config(
        _behind_proxies(create_app(service), settings),
        **listening,
        loop="uvloop",
        http=Protocol,
        ws="websockets-sansio",
        # Deflate costs half a megabyte a socket.
        ws_per_message_deflate=False,
        ws_max_size=settings.websocket_message_limit_bytes,
        timeout_graceful_shutdown=round(settings.shutdown_seconds),
        server_header=False,
        proxy_headers=False,
        access_log=False,
        log_config=None,
    )


def serve(settings: Settings, host: str, port: int, descriptor: int | None) -> None:
    """Serve until SIGTERM, on an inherited listening socket when its *descriptor* is given."""
    telemetry.configure(settings)
    service = Service(settings)
    server = Server(configuration(service, host=host, port=port, fd=descriptor), service)
    sockets = None if descriptor is None else [socket.socket(fileno=descriptor)]
    # uvicorn raises the signal that ended it once more, which would end the process with it and not with 0.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.handle_exit)
    server.run(sockets)
