"""Times trusted documents asked for by GET, straight from an API process and through nginx in front of it.

uv run python -m tests.benchmarks.behind_nginx [SECONDS]      (nginx: Debian's package nginx-light)
"""

import asyncio
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from urllib.parse import urlencode, urlsplit

import httpx2

from tests.benchmarks.load import load
from tests.benchmarks.server import free_port
from tests.paths.conftest import up

TOP_TEN = "query($edition: Int!) { ranking(edition: $edition) { revision topTen { rank score city { slug name } } } }"
CONNECTIONS = 16
ROUNDS = 3


async def main(seconds: float) -> None:
    """Print answers a second of each way, and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "documents").mkdir()
        (folder / "documents" / "top-ten.graphql").write_text(TOP_TEN)
        settings = {"SCI_DOCUMENTS": "only", "SCI_DOCUMENTS_DIR": str(folder / "documents")}
        async with up(folder / "data", **settings) as system:
            straight = urlsplit(system.url).port
            assert straight is not None
            async with nginx(folder, straight) as through:
                rates: dict[int, list[float]] = {straight: [], through: []}
                for port in list(rates) * ROUNDS:
                    rates[port].append(await rate(port, seconds))
    ratio = median(there / here for here, there in zip(rates[straight], rates[through], strict=True))
    print(  # noqa: T201 - what it is for
        f"top ten by documentId, {CONNECTIONS} connections: {median(rates[straight]):,.0f} a second straight, "
        f"{median(rates[through]):,.0f} through nginx, {ratio:.1f} times as many"
    )


@asynccontextmanager
async def nginx(folder: Path, api_port: int) -> AsyncIterator[int]:
    """nginx with the configuration beside this file, on a free port."""
    port = free_port()
    template = Path(__file__).with_name("nginx.conf").read_text()
    config = folder / "nginx.conf"
    config.write_text(template.replace("API_PORT", str(api_port)).replace("NGINX_PORT", str(port)))
    # As root, nginx's workers are somebody else, who may not read a temporary folder.
    options = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")
    process = await asyncio.create_subprocess_exec("nginx", "-p", folder, "-c", config, "-g", options)
    try:
        yield port
    finally:
        process.terminate()
        await process.wait()


async def rate(port: int, seconds: float) -> float:
    """Answers a second, the first one checked."""
    asked = {
        "documentId": f"sha256:{hashlib.sha256(TOP_TEN.encode()).hexdigest()}",
        "variables": json.dumps({"edition": 2025}),
    }
    path = f"/graphql?{urlencode(asked)}"
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(3):
            answer = await client.get(path, headers={"Accept": "application/json"})
        assert len(answer.json()["data"]["ranking"]["topTen"]) == 10
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n\r\n"
    took, count = await load(port, head.encode(), len(answer.content), CONNECTIONS, seconds)
    return count / took


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 4))
