"""The path under which a proxy shows this API, in one place: `scope["root_path"]`, which every link begins with.

A proxy may take the path off or leave it on: `/index/graphql` and `/graphql` are the same under `/index`.
"""

import re
from ipaddress import ip_address

from pydantic import IPvAnyNetwork
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from db.settings import ROOT_PATH, Settings

HEADER = b"x-forwarded-prefix"
IS_ROOT_PATH = re.compile(ROOT_PATH).fullmatch


class RootPath:
    """Around the application, outside of what replaces the proxy's address by its client's."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._root_path = settings.root_path.rstrip("/")
        self._proxies: tuple[IPvAnyNetwork, ...] = settings.trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and (root_path := self._of(scope)):
            if scope["path"] == root_path:
                # Without the slash, links that are relative lead out of it.
                await RedirectResponse(f"{root_path}/")(scope, receive, send)
                return
            is_left_on = scope["path"].startswith(f"{root_path}/")
            whole, raw = scope["path"], scope.get("raw_path") or b""
            if not is_left_on:
                whole, raw = root_path + whole, root_path.encode() + raw
            scope = {**scope, "root_path": root_path, "path": whole, "raw_path": raw}
        await self._app(scope, receive, send)

    def _of(self, scope: Scope) -> str:
        """The settings', unless a proxy that is trusted names another one."""
        if self._proxies:
            for name, value in scope["headers"]:
                if name == HEADER and self._is_trusted(scope):
                    prefix = value.decode("latin-1").rstrip("/")
                    return prefix if IS_ROOT_PATH(prefix) else self._root_path
        return self._root_path

    def _is_trusted(self, scope: Scope) -> bool:
        try:
            peer = ip_address((scope.get("client") or ("",))[0])
        except ValueError:
            return False
        return any(peer in network for network in self._proxies)


def route_path(scope: Scope) -> str:
    """The path of a request below the root path."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))
