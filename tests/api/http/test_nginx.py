"""The configuration of nginx that is measured is one that clients get through."""

import asyncio
import json
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import websockets

from tests.api.http.test_protocol import ANSWER, BODY, CLOSE, H2C, LENGTH, POST, exchange, statuses
from tests.api.websocket.test_subscription import TRANSPORT
from tests.benchmarks.behind_nginx import nginx
from tests.conftest import Api

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is Debian's package nginx-light")


async def is_open(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def test_http_2_is_not_asked_for_through_nginx_and_websockets_are(read_api: Api, tmp_path: Path) -> None:
    api_port = urlsplit(read_api.url).port
    assert api_port is not None
    async with nginx(tmp_path, api_port) as port:
        async with asyncio.timeout(10):
            while not await is_open(port):
                await asyncio.sleep(0.05)
        through = Api(f"http://127.0.0.1:{port}", read_api.service, read_api.client)
        for packets in ([POST + H2C + LENGTH + b"\r\n" + BODY, CLOSE], [POST + H2C + LENGTH + b"\r\n", BODY, CLOSE]):
            answers = await exchange(through, *packets)
            assert statuses(answers) == [200, 200]
            assert ANSWER in answers
        async with websockets.connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=[TRANSPORT]) as socket:
            await socket.send('{"type":"connection_init"}')
            assert json.loads(await socket.recv())["type"] == "connection_ack"
