"""Who may ask, and how much: a budget for each subject or address, and a limit of open streams."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any

from starlette.types import Scope

from api.access.token import ANONYMOUS, Viewer
from api.error import RequestError
from db.rate import Budget, Budgets, ExhaustedError

# In the unit of a document's cost, about one field of its answer: a request without any, a write with its
# transaction and recompute, and a document that is refused, which takes up to 50 ms.
REQUEST_COST = 100
WRITE_COST = 5_000
REFUSAL_COST = 10_000

IPV6_NETWORK_BITS = 64


def address(scope: Scope) -> str:
    """The client's; for IPv6 its network's, of which one client has every address. Empty on a Unix socket."""
    return _network((scope.get("client") or ("", 0))[0])


@lru_cache(maxsize=1_000)
def _network(host: str) -> str:
    try:
        found = ip_address(host)
    except ValueError:
        return host
    if isinstance(found, IPv6Address):
        found = found.ipv4_mapped or IPv6Address(int(found) >> IPV6_NETWORK_BITS << IPV6_NETWORK_BITS)
    return str(found)


class RateLimiter:
    """At the door of one process; without *budgets* anybody may ask for anything at any rate."""

    def __init__(self, budgets: Budgets | None, most_streams: int) -> None:
        self._budgets = budgets
        self._most_streams = most_streams
        self._streams: Counter[str] = Counter()

    def check(self, viewer: Viewer, address: str) -> None:
        """Raise `RequestError` for a client that is known to have nothing left, before anything is read."""
        if self._budgets is not None:
            try:
                self._budgets.check(_client(viewer, address))
            except ExhaustedError as error:
                raise _refused(error) from error

    async def charge(self, viewer: Viewer, address: str, cost: int, *, is_write: bool = False) -> Budget | None:
        """What a writer has left; None for a reader. Raises `RequestError` for a client that has too little left."""
        if self._budgets is None:
            return None
        try:
            return await self._budgets.charge(_client(viewer, address), REQUEST_COST + cost, is_write=is_write)
        except ExhaustedError as error:
            raise _refused(error) from error

    @contextmanager
    def streaming(self, address: str) -> Iterator[None]:
        """For as long as a WebSocket or an event stream is open; raises `RequestError` when there are too many."""
        if self._streams[address] >= self._most_streams:
            message = f"an address has at most {self._most_streams} sockets and event streams"
            raise RequestError(429, "TOO_MANY_STREAMS", message, {"Retry-After": "5"})
        self._streams[address] += 1
        try:
            yield
        finally:
            self._streams[address] -= 1
            if not self._streams[address]:
                del self._streams[address]


def headers(budget: Budget) -> dict[str, str]:
    """The header fields of the IETF's draft for rate limits."""
    return {
        "RateLimit-Policy": f'"cost";q={budget.limit}',
        "RateLimit": f'"cost";r={budget.remaining};t={budget.reset_seconds}',
    }


def _client(viewer: Viewer, address: str) -> str:
    return f"address:{address}" if viewer is ANONYMOUS else f"subject:{viewer.subject}"


def _refused(error: ExhaustedError) -> RequestError:
    budget = error.budget
    details: dict[str, Any] = {"limit": budget.limit, "retryAfterSeconds": budget.reset_seconds}
    fields = {"Retry-After": str(budget.reset_seconds), **headers(budget)}
    return RequestError(429, "RATE_LIMITED", str(error), fields, details)
