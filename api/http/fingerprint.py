"""Requests that come again byte for byte: what they were parsed to is kept by their fingerprint."""

from dataclasses import dataclass, field
from typing import TypeAlias

from starlette.types import Scope

from api.operation.request import GraphQLRequest
from api.state.live import LiveRankings

# Of a request that came before, beside its body, which is kept as bytes, as text and parsed.
PARSED_BYTES = 1_200
MOST_FINGERPRINTED_BYTES = 16_384
COST_HEADER = "sci-cost"
# The answer to a request with one of the first three may not be given to others, and a compressed body is refused.
PARSED_EACH_TIME = frozenset((b"authorization", b"if-none-match", COST_HEADER.encode(), b"content-encoding"))

Fingerprint: TypeAlias = tuple[object, ...]


@dataclass(slots=True)
class ParsedRequest:
    """What an anonymous query was parsed to; *head* is that of its answer, empty when the answer was not kept."""

    asked: GraphQLRequest
    key: str
    media_type: str
    head: list[tuple[bytes, bytes]] = field(default_factory=list)


def of_request(live: LiveRankings, scope: Scope, body: bytes) -> Fingerprint | None:
    """All bytes that the answer to a request depends on; None for a request that must be parsed each time."""
    if live.is_stale or len(body) > MOST_FINGERPRINTED_BYTES:
        return None
    accept = content_type = None
    for name, value in scope["headers"]:
        if name in PARSED_EACH_TIME:
            return None
        if name == b"accept":
            accept = value if accept is None else accept + b"," + value
        elif name == b"content-type":
            content_type = value
    return live.generation, scope["method"], scope["query_string"], body, accept, content_type
