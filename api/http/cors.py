"""Which pages of other origins may read answers; without any named, none."""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

# What clients send beyond what any page may, and what they may read beyond that.
SENT = ("Authorization", "Content-Type", "If-None-Match", "SCI-Cost", "traceparent")
READ = ("ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Trace-Id")
PREFLIGHT_SECONDS = 3600


def allowing(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """The application with answers that pages of *origins* may read, never with cookies: a token comes in a header."""
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=("GET", "POST"),
        allow_headers=SENT,
        expose_headers=READ,
        max_age=PREFLIGHT_SECONDS,
    )
