"""Asks one question over and over on some connections, from a process of its own, and counts the answers.

python -m tests.benchmarks.load PORT REQUEST_FILE ANSWER_BYTES CONNECTIONS SECONDS

Prints the seconds from the first request to the last answer, the answers, and the CPU seconds that counting took.
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import cast

import uvloop

BUFFER_BYTES = 1024 * 1024
# A request that was sent before the time was over may take so long.
LAST_ANSWER_SECONDS = 30


class WrongAnswerError(Exception):
    """An answer that is not the one that was compared before the measurement."""


class Connection(asyncio.BufferedProtocol):
    """One keep-alive connection with one request under way; `done` is set once the last one is answered."""

    def __init__(self, request: bytes, answer_bytes: int, until: float) -> None:
        self.request, self.answer_bytes, self.until = request, answer_bytes, until
        self.answers = 0
        self.done = asyncio.get_running_loop().create_future()
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._held = 0
        self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is one without being a subclass.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self.request)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._view[self._held :]

    def buffer_updated(self, nbytes: int) -> None:
        if self._missing:
            self._missing -= nbytes
        else:
            self._held += nbytes
            if not self._read_head():
                return
        if not self._missing:
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("closed by the server"))

    def _read_head(self) -> bool:
        """Whether the head is there; what is missing of the body is then known."""
        end = self._buffer.find(b"\r\n\r\n", 0, self._held)
        if end < 0:
            return False
        head = bytes(self._view[:end]).lower() + b"\r\n"
        length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        if not head.startswith(b"http/1.1 200 ") or not length or int(length) != self.answer_bytes:
            self._fail(WrongAnswerError(head.decode(errors="replace")))
            return False
        self._missing = end + 4 + self.answer_bytes - self._held
        self._held = 0
        return True

    def _next(self) -> None:
        self.answers += 1
        if time.perf_counter() < self.until:
            self._transport.write(self.request)
        else:
            self.done.set_result(None)

    def _fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)
        self._transport.close()


async def load(port: int, request: bytes, answer_bytes: int, connections: int, seconds: float) -> tuple[float, int]:
    """Seconds and answers; raises WrongAnswerError, OSError or TimeoutError instead of counting less."""
    started = time.perf_counter()
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(
            lambda: Connection(request, answer_bytes, started + seconds), "127.0.0.1", port
        )
        for _ in range(connections)
    ]  # fmt: skip
    try:
        async with asyncio.timeout(seconds + LAST_ANSWER_SECONDS):
            await asyncio.gather(*(connection.done for _, connection in opened))
        return time.perf_counter() - started, sum(connection.answers for _, connection in opened)
    finally:
        for transport, _ in opened:
            transport.abort()


if __name__ == "__main__":
    port, file, answer_bytes, connections, seconds = sys.argv[1:]
    given = int(port), Path(file).read_bytes(), int(answer_bytes), int(connections), float(seconds)
    before = time.process_time()
    took, answers = uvloop.run(load(*given))
    print(took, answers, time.process_time() - before)  # noqa: T201 - what it is for
