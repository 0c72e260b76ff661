"""How long sockets and event streams may stay, and how much one socket may ask for at once."""

import asyncio

import websockets

from api.websocket.endpoint import MOST_OPERATIONS
from db.settings import Settings
from tests.api.websocket.test_subscription import FOLLOW, TRANSPORT, Socket, address
from tests.conftest import Api, running_api

SECONDS = 0.3


async def opened(connection: websockets.ClientConnection) -> Socket:
    socket = Socket(connection)
    await socket.send(type="connection_init")
    assert (await socket.receive())["type"] == "connection_ack"
    return socket


async def test_a_socket_that_nobody_uses_is_closed(settings: Settings) -> None:
    async with (
        running_api(settings.model_copy(update={"idle_seconds": SECONDS})) as api,
        websockets.connect(address(api), subprotocols=[TRANSPORT]) as idle,
        websockets.connect(address(api), subprotocols=[TRANSPORT]) as following,
        websockets.connect(address(api), subprotocols=[TRANSPORT]) as asking,
    ):
        sockets = [await opened(connection) for connection in (idle, following, asking)]
        await sockets[1].subscribe()
        await sockets[1].event()
        closed = asyncio.create_task(sockets[0].closed())
        for _ in range(8):
            await sockets[2].answer("{ __typename }")
            await asyncio.sleep(SECONDS / 2)
        assert await closed == 1001
        await sockets[1].nothing()
        await sockets[1].send(type="complete", id="1")
        assert await sockets[1].closed() == 1001


async def test_no_socket_and_no_stream_stays_for_ever(settings: Settings) -> None:
    async with running_api(settings.model_copy(update={"stream_life_seconds": SECONDS})) as api:
        async with websockets.connect(address(api), subprotocols=[TRANSPORT]) as connection:
            socket = await opened(connection)
            await socket.subscribe()
            await socket.event()
            assert await socket.closed() == 1012
        body, headers = {"query": FOLLOW}, {"Accept": "text/event-stream"}
        async with asyncio.timeout(10), api.client.stream("POST", "/graphql", json=body, headers=headers) as response:
            text = "".join([part async for part in response.aiter_text()])
        assert "event: next" in text
        assert "event: complete" not in text, "a client would not come back"


async def test_a_socket_has_a_limit_of_operations(read_api: Api) -> None:
    async with websockets.connect(address(read_api), subprotocols=[TRANSPORT]) as connection:
        socket = await opened(connection)
        for number in range(MOST_OPERATIONS):
            await socket.subscribe(id_=str(number))
        for _ in range(MOST_OPERATIONS):
            await socket.event()
        error = await socket.refused(FOLLOW, "one more")
        assert error["extensions"]["code"] == "TOO_MANY_OPERATIONS"
        await socket.send(type="complete", id="0")
        await socket.nothing()
        await socket.subscribe(id_="one more")
        await socket.event("one more")
