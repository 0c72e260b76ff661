"""HTTP/1 as uvicorn and httptools speak it, with what they leave open: a bound of what is not body, no upgrade but to a
WebSocket, no chunks for HTTP/1.0.

This file alone stands on private parts of uvicorn. When uvicorn is upgraded, compare `on_headers_complete`,
`data_received` and `RequestResponseCycle.send` of `uvicorn.protocols.http.httptools_impl` with what is said here.
"""

from typing import TYPE_CHECKING, Any, cast

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# h11, uvicorn's other parser, has the same limit; nginx takes 4 x 8 kB.
HEAD_LIMIT_BYTES = 64 * 1024
# A client that still sends would lose the answer to a connection that is closed at once.
LINGER_SECONDS = 1.0
LINGER_BYTES = 1024 * 1024
END_OF_HEAD = b"\r\n\r\n"


class Protocol(HttpToolsProtocol):
    """One connection.

    httptools gives a header when it is complete and sets no limit to it, so the bytes are counted that come without
    any of a body: those of heads, of trailers and of the extensions of chunks.

    httptools takes a request that asks for any upgrade as the last one in HTTP, without a body, and what follows in a
    later packet as a request again. Such a request is read once more by a new parser, without the headers that ask.
    """

    _packet_bytes = 0
    _bytes_without_body = 0
    _has_begun = False
    _has_body = False
    _ignored_bytes = 0
    _is_read_again = False
    _is_refused = False

    def data_received(self, data: bytes) -> None:
        """Read a packet, all of its requests."""
        if self._is_refused:
            self._ignored_bytes += len(data)
            if self._ignored_bytes > LINGER_BYTES:
                self.transport.close()
            return
        self._unset_keepalive_if_required()
        self._packet_bytes, self._has_begun, self._has_body = len(data), False, False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._is_read_again:
                self._read_again(data[upgrade.args[0] :])
            elif not self._is_refused:
                self.handle_websocket_upgrade()
            return
        except httptools.HttpParserError:
            self._refuse(400, "this is not HTTP/1.1 or HTTP/1.0")
            return
        if self._has_body:
            self._bytes_without_body = 0
        elif self._has_begun:
            # What follows the last head in this packet is all that can belong to one without an end.
            self._bytes_without_body = len(data) - data.rfind(END_OF_HEAD) - len(END_OF_HEAD)
        else:
            self._bytes_without_body += len(data)
        if self._bytes_without_body > HEAD_LIMIT_BYTES:
            self._refuse_head()

    def on_message_begin(self) -> None:
        """Take up the next request."""
        self._has_begun = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin to answer, unless the head is too long, asks for an upgrade, or names what is not a path."""
        if self._bytes_without_body + self._packet_bytes > HEAD_LIMIT_BYTES and self._head_bytes() > HEAD_LIMIT_BYTES:
            self._refuse_head()
        elif self.url == b"*":
            self._refuse(400, "name a path: * is none")
        elif self.parser.should_upgrade() and not self._should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                self._refuse(405, "this is no proxy")
            else:
                self._is_read_again = True
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._has_body = True
        if not (self._is_read_again or self._is_refused):
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Take the end of the body."""
        if not (self._is_read_again or self._is_refused):
            super().on_message_complete()

    def _should_upgrade(self) -> bool:
        # A WebSocket is asked for by GET without a body; websockets leaves any other request without an answer.
        has_body = any(name in (b"content-length", b"transfer-encoding") for name, _ in self.headers)
        return self.parser.get_method() == b"GET" and not has_body and super()._should_upgrade()

    def _read_again(self, rest: bytes) -> None:
        head = [self.parser.get_method(), b" ", self.url, b" HTTP/", self.parser.get_http_version().encode(), b"\r\n"]
        for name, value in self.headers:
            if name == b"connection":
                value = b", ".join(each for each in value.split(b",") if each.strip().lower() != b"upgrade")  # noqa: PLW2901 - the same header
            if name not in (b"upgrade", b"http2-settings"):
                head += [name, b": ", value, b"\r\n"]
        self._is_read_again = False
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"".join((*head, b"\r\n", rest)))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if cycle.scope["http_version"] == "1.0":
            # Starlette's and uvicorn's types of an application differ.
            app = cast("Any", _unchunked(cycle, app))
        super()._start_asgi_task(cycle, app)

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) for name, value in self.headers)

    def _refuse_head(self) -> None:
        self._refuse(431, f"a request's head has at most {HEAD_LIMIT_BYTES} bytes")

    def _refuse(self, status: int, message: str) -> None:
        """Answer, and read no more. An earlier request that is still being answered is all that gets an answer."""
        self._is_refused = True
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
            if self.cycle.more_body:
                self.transport.close()
            return
        body = message.encode() + b"\n"
        head = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(STATUS_LINE[status] + head + body)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)


def _unchunked(cycle: RequestResponseCycle, app: "ASGIApp") -> "ASGIApp":
    """The application for one request of HTTP/1.0, where the end of the connection is the end of a body."""

    async def answer(scope: "Scope", receive: "Receive", send: "Send") -> None:
        has_length = True

        async def send_unchunked(message: "Message") -> None:
            nonlocal has_length
            if message["type"] == "http.response.start":
                has_length = any(name.lower() == b"content-length" for name, _ in message["headers"])
                if not has_length:
                    cycle.chunked_encoding = False
            elif not has_length:
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        await app(scope, receive, send_unchunked)

    return answer
