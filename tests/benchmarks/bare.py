"""A uvicorn that does nothing but send: a POST to `/NAME` gives the file of that name, with our server's options.

python -m tests.benchmarks.bare PORT FOLDER
"""

import sys
from pathlib import Path

import uvicorn
from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, Scope


class Bare:
    """The files of a folder, held in memory."""

    def __init__(self, folder: Path) -> None:
        self.bodies = {f"/{file.name}": file.read_bytes() for file in folder.iterdir()}

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        assert scope["type"] == "http"
        body = self.bodies[scope["path"]]
        await receive()
        headers = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": False})
        await send({"type": "http.response.body", "body": body, "more_body": False})


if __name__ == "__main__":
    uvicorn.run(
        Bare(Path(sys.argv[2])),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        access_log=False,
        log_level="warning",
    )
