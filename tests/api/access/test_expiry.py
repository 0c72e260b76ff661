"""Sockets and streams that are open when their token expires: they end, and in a way that clients come back from."""

import asyncio
import logging
import time
from base64 import urlsafe_b64encode

import pytest
import websockets

from db.settings import Settings
from tests.api.access.test_oidc import settings_with
from tests.api.websocket.test_subscription import EVENT_SECONDS, NEWEST, TRANSPORT, Socket, address, connected, submit
from tests.conftest import Api, Recompute, running_api
from tests.issuer import Issuer, listen, running_issuer

# Clocks may differ by 5 seconds, so this one is good for 2 to 3 more: it ends at a whole second.
SHORT_SECONDS = -2
LIFETIME_SECONDS = pytest.approx(2.5, abs=1)


async def test_a_socket_that_follows_ends_with_its_token(
    api: Api, recompute: Recompute, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(api) as reader, connected(api, api.token()) as lasting:
        started = time.monotonic()
        async with connected(api, api.token(ttl_seconds=SHORT_SECONDS)) as socket:
            for each in (socket, reader, lasting):
                for id_ in ("1", "2"):
                    await each.subscribe(NEWEST, id_=id_)
                    assert (await each.event(id_))["ranking"]["revision"] == 1
            with pytest.raises(websockets.ConnectionClosedError):
                await socket.receive()
            assert (socket.connection.close_code, socket.connection.close_reason) == (4403, "Forbidden")
            assert time.monotonic() - started == LIFETIME_SECONDS
        await submit(api, recompute, 60)
        for each in (reader, lasting):
            assert [(await each.event())["ranking"]["revision"] for _ in range(2)] == [2, 2]
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_a_socket_that_does_nothing_ends_with_its_token(read_api: Api) -> None:
    started = time.monotonic()
    async with connected(read_api, read_api.token(ttl_seconds=SHORT_SECONDS)) as socket:
        assert await socket.closed() == 4403
        assert time.monotonic() - started == LIFETIME_SECONDS


async def test_a_token_that_expired_before_may_be_exchanged_and_a_bad_one_not(read_api: Api) -> None:
    good = read_api.token()
    forged = f"{good.rpartition('.')[0]}.{urlsafe_b64encode(bytes(32)).decode().rstrip('=')}"
    for token, code in ((read_api.token(ttl_seconds=-10), 4403), (forged, 4401)):
        async with websockets.connect(address(read_api), subprotocols=[TRANSPORT]) as connection:
            socket = Socket(connection)
            await socket.send(type="connection_init", payload={"Authorization": f"Bearer {token}"})
            assert await socket.closed() == code


async def test_an_event_stream_breaks_off_with_its_token(read_api: Api) -> None:
    headers = {"Accept": "text/event-stream"}
    params = {"query": NEWEST}
    token = {"Authorization": f"Bearer {read_api.token(ttl_seconds=SHORT_SECONDS)}"}
    started = time.monotonic()
    stream, without = (
        read_api.client.stream("GET", "/graphql", params=params, headers=headers | more) for more in (token, {})
    )
    async with stream as response, without as lasting, asyncio.timeout(EVENT_SECONDS):
        text = "".join([part async for part in response.aiter_text()])
        assert time.monotonic() - started == LIFETIME_SECONDS
        assert text.count("event: next") == 1
        assert "event: complete" not in text
        parts = lasting.aiter_text()
        while "event: next" not in await anext(parts):
            pass
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await anext(parts)


async def test_an_issuer_that_was_never_there_closes_with_a_code_to_come_back_from(settings: Settings) -> None:
    with listen() as listener:
        issuer = Issuer(listener)
    async with (
        running_api(settings_with(settings, issuer)) as api,
        websockets.connect(address(api), subprotocols=[TRANSPORT]) as connection,
    ):
        socket = Socket(connection)
        await socket.send(type="connection_init", payload={"Authorization": f"Bearer {issuer.token()}"})
        assert await socket.closed() == 1013


async def test_sockets_take_the_tokens_of_an_issuer(settings: Settings) -> None:
    async with running_issuer() as issuer, running_api(settings_with(settings, issuer)) as api:
        async with connected(api, issuer.token(exp=int(time.time()) + SHORT_SECONDS)) as socket:
            await socket.subscribe(NEWEST)
            assert (await socket.event("1"))["ranking"]["revision"] == 1
            assert await socket.closed() == 4403
        async with websockets.connect(address(api), subprotocols=[TRANSPORT]) as connection:
            socket = Socket(connection)
            await socket.send(type="connection_init", payload={"Authorization": f"Bearer {issuer.token(aud='x')}"})
            assert await socket.closed() == 4401
