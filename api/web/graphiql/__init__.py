"""GraphiQL at /graphiql/, all of it from this process: it works without the internet."""

import os
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.http import browser_headers

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
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update({**HEADERS, "Cache-Control": "no-cache"})
        if str(full_path).endswith(".gz"):
            response.headers["Content-Encoding"] = "gzip"
        return response
