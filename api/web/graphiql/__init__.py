"""GraphiQL at /graphiql/, all of it from this process: it works without the internet."""

import os
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.http import browser_headers, condition

STATIC = Path(__file__).parent / "static"

# GraphiQL sets styles of elements, and has its fonts and pictures inside its style sheet.
HEADERS = browser_headers.page(
    script="'self'", style="'self' 'unsafe-inline'", font="'self' data:", img="'self' data:", connect="'self'"
)


class GraphiQL(StaticFiles):
    """The page and what it loads; the larger files are only there compressed, which every browser reads."""

    def __init__(self) -> None:
        super().__init__(directory=STATIC, html=True)

    def file_response(
        self, full_path: "os.PathLike[str] | str", stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        tag = _entity_tag(str(full_path), stat_result.st_mtime_ns)
        headers = {**HEADERS, "Cache-Control": "no-cache", "ETag": tag}
        if condition.has_copy(Headers(scope=scope).getlist("if-none-match"), tag):
            return Response(status_code=304, headers=headers)
        if str(full_path).endswith(".gz"):
            headers["Content-Encoding"] = "gzip"
        return FileResponse(full_path, status_code, headers, stat_result=stat_result)


@lru_cache
def _entity_tag(path: str, _: int) -> str:
    """Of the content: a wheel gives all files of a release the same date, and two may have the same size."""
    return f'"{sha256(Path(path).read_bytes()).hexdigest()}"'
