"""A network that a test may slow down, hold up or cut: a proxy between two Unix sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

CHUNK = 65_536


class Proxy:
    """Passes bytes both ways: each after `delay` seconds, none while `flows` is clear.

    A connection whose client has sent `hold_answers_after` gets no answer any more, one whose client sends
    `hold_requests_with` is not even heard; `is_holding` is set then.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.delay = 0.0
        self.flows = asyncio.Event()
        self.flows.set()
        self.hold_answers_after: bytes | None = None
        self.hold_requests_with: bytes | None = None
        self.is_holding = asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()

    def cut(self) -> None:
        """Break every connection off."""
        for writer in self._open:
            writer.transport.abort()

    def heal(self) -> None:
        """Pass everything again; what was held is lost with its connection."""
        self.delay = 0.0
        self.hold_answers_after = self.hold_requests_with = None
        if self.is_holding.is_set():
            self.cut()
        self.is_holding.clear()
        self.flows.set()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = {writer}
        is_held = asyncio.Event()
        self._open.add(writer)
        try:
            server_reader, server_writer = await asyncio.open_unix_connection(self.target)
            ends.add(server_writer)
            self._open.add(server_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._ask(reader, server_writer, is_held))
                group.create_task(self._answer(server_reader, writer, is_held))
        except* OSError:
            pass
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_held: asyncio.Event) -> None:
        async for content in self._contents(reader):
            if self.hold_answers_after is not None and self.hold_answers_after in content:
                is_held.set()
                self.is_holding.set()
            if self.hold_requests_with is not None and self.hold_requests_with in content:
                self.is_holding.set()
                continue
            writer.write(content)
            await writer.drain()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_held: asyncio.Event) -> None:
        async for content in self._contents(reader):
            if not is_held.is_set():
                writer.write(content)
                await writer.drain()

    async def _contents(self, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
        while content := await reader.read(CHUNK):
            await asyncio.sleep(self.delay)
            await self.flows.wait()
            yield content
        raise ConnectionResetError


@asynccontextmanager
async def proxying(listen: Path, target: Path) -> AsyncIterator[Proxy]:
    """A proxy that listens on one Unix socket and connects to another."""
    proxy = Proxy(target)
    listen.parent.mkdir(parents=True, exist_ok=True)
    server = await asyncio.start_unix_server(proxy.connect, listen)
    try:
        yield proxy
    finally:
        proxy.cut()
        server.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await server.wait_closed()
