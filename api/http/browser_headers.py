"""Headers that tell browsers what they may do with an answer. HSTS is the proxy's, which speaks TLS."""

RawHeaders = list[tuple[bytes, bytes]]

POLICY = "Content-Security-Policy"
NOTHING = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

_EVERYWHERE = [
    (b"x-content-type-options", b"nosniff"),
    # Reading an answer from another origin is what CORS is for; nothing here is to be put into a page unread.
    (b"cross-origin-resource-policy", b"same-origin"),
]
_POLICY_NAME = POLICY.lower().encode()
_DATA = [*_EVERYWHERE, (_POLICY_NAME, b"default-src 'none'; frame-ancestors 'none'")]


def page(**sources: str) -> dict[str, str]:
    """The headers of a page that may load from *sources*, by kind: `script="'self'"`. Nobody may frame it."""
    allowed = "".join(f"; {kind}-src {source}" for kind, source in sources.items())
    return {POLICY: NOTHING + allowed, "Referrer-Policy": "no-referrer"}


def secured(headers: RawHeaders) -> RawHeaders:
    """The headers of an answer with those that every answer has; a page brings its own policy."""
    return headers + (_EVERYWHERE if any(name == _POLICY_NAME for name, _ in headers) else _DATA)
