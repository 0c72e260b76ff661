"""The pages and their twins: addresses in, documents executed, templates filled."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.access.rate_limit import RateLimiter
from api.error import RequestError
from api.http import browser_headers
from api.operation.context import Context
from api.operation.execution import Execution
from api.web.cell import harmless
from api.web.page import choice, live
from api.web.page.document import FOLDER, Document, Variables
from api.web.page.text import LANGUAGES, TEXTS, preferred

GUIDES = Path(__file__).parent.parent / "guide"
HEADERS = {
    browser_headers.POLICY: (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
# An edition has up to 200 cities, and a page of the API up to 100.
MOST_PAGES = 2


class LanguageConvertor(StringConvertor):
    """A language of the pages, as a part of an address."""

    regex = "|".join(LANGUAGES)


register_url_convertor("language", LanguageConvertor())


class Pages:
    """The routes of all pages."""

    def __init__(
        self,
        execution: Execution,
        rate_limiter: RateLimiter,
        new_context: Callable[[Scope], Context],
        *,
        has_graphiql: bool,
    ) -> None:
        self._execution = execution
        self._rate_limiter = rate_limiter
        self._new_context = new_context
        self._has_graphiql = has_graphiql
        self._ranking, self._city, self._method = Document("ranking"), Document("city"), Document("method")
        self._templates = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined)
        self._templates.filters["pairs"] = _pairs
        self._markdown = MarkdownIt("commonmark", {"html": False}).enable("table")

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        return [
            Route("/", self._start),
            Mount("/static", StaticFiles(directory=FOLDER / "static")),
            Route("/guide/", self._guides),
            Route("/guide/{name}", self._guide),
            Route("/{language:language}/", self._newest),
            Route("/{language:language}/{year:int}.{form}", self._show_ranking),
            Route("/{language:language}/{year:int}", self._show_ranking),
            Route("/{language:language}/{year:int}/live", self._live),
            Route("/{language:language}/{year:int}/method.{form}", self._show_method),
            Route("/{language:language}/{year:int}/method", self._show_method),
            Route("/{language:language}/{year:int}/{city}.{form}", self._show_city),
            Route("/{language:language}/{year:int}/{city}", self._show_city),
        ]

    async def _start(self, request: Request) -> Response:
        language = preferred(request.headers.get("accept-language", ""))
        target = f"{request.scope.get('root_path', '')}/{language}/"
        return RedirectResponse(target, 307, {"Vary": "Accept-Language", **HEADERS})

    async def _newest(self, request: Request) -> Response:
        """The way to the newest ranking; a page that says so where there is none."""
        variables = {"edition": 0, "language": request.path_params["language"].upper()}
        try:
            data = await self._ranking.data(self._execution, self._new_context(request.scope), variables)
        except RequestError as error:
            return self._refused(request, error)
        years = [edition["year"] for edition in data["editions"] if edition["ranking"] is not None]
        if not years:
            return self._render(request, "empty.html")
        return RedirectResponse(f"{str(request.url.path).rstrip('/')}/{max(years)}", 307, HEADERS)

    async def _show_ranking(self, request: Request) -> Response:
        try:
            chosen = choice.read(request)
            since = choice.number(request, "since")
            variables = {**self._named(request), **chosen.variables, "since": since, "isUpdate": since is not None}
            data = await self._ranking.data(self._execution, self._new_context(request.scope), variables)
            ranking = data["ranking"]
            if ranking is None:
                return self._missing(request)
            page = ranking["entries"]
            for _ in range(1, MOST_PAGES):
                if not page["pageInfo"]["hasNextPage"]:
                    break
                more = {**variables, "revision": ranking["revision"], "after": page["pageInfo"]["endCursor"]}
                further = await self._ranking.data(self._execution, self._new_context(request.scope), more)
                page = further["ranking"]["entries"]
                ranking["entries"]["nodes"] += page["nodes"]
        except RequestError as error:
            return self._refused(request, error)
        if "form" in request.path_params:
            return _twin(request, data, _ranking_rows(ranking))
        return self._render(request, "ranking.html", self._ranking, variables, data=data, chosen=chosen)

    async def _show_city(self, request: Request) -> Response:
        try:
            variables = {**self._named(request), "city": request.path_params["city"]}
            data = await self._city.data(self._execution, self._new_context(request.scope), variables)
        except RequestError as error:
            return self._refused(request, error)
        if data["ranking"] is None or data["ranking"]["entry"] is None:
            return self._missing(request)
        if "form" in request.path_params:
            return _twin(request, data, _city_rows(data["ranking"]["entry"]))
        return self._render(request, "city.html", self._city, variables, data=data)

    async def _show_method(self, request: Request) -> Response:
        try:
            named = self._named(request)
            variables = {"edition": named["edition"], "language": named["language"]}
            data = await self._method.data(self._execution, self._new_context(request.scope), variables)
        except RequestError as error:
            return self._refused(request, error)
        if data["edition"] is None:
            return self._missing(request)
        if "form" in request.path_params:
            return _twin(request, data, _method_rows(data["edition"]))
        return self._render(request, "method.html", self._method, variables, data=data)

    async def _live(self, request: Request) -> Response:
        """Events for an open page; an edition that is unknown has none."""
        try:
            year, since = choice.year(request.path_params["year"]), choice.number(request, "since")
            context = self._new_context(request.scope)
            return await live.follow(self._execution, context, self._rate_limiter, year, since or 0)
        except RequestError as error:
            return self._refused(request, error)

    async def _guides(self, request: Request) -> Response:
        return self._render(request, "guide.html", names=sorted(file.stem for file in GUIDES.glob("*.md")), content="")

    async def _guide(self, request: Request) -> Response:
        """One guide; its links to the others work with their names as files, too."""
        names = {file.stem: file for file in GUIDES.glob("*.md")}
        file = names.get(request.path_params["name"].removesuffix(".md"))
        if file is None:
            return self._missing(request)
        content = Markup(self._markdown.render(file.read_text("utf-8")))  # noqa: S704  # markup in a guide is escaped
        return self._render(request, "guide.html", names=sorted(names), content=content)

    @staticmethod
    def _named(request: Request) -> Variables:
        """The edition, revision and language that an address names."""
        revision = choice.number(request, "revision")
        language = request.path_params["language"].upper()
        return {"edition": choice.year(request.path_params["year"]), "revision": revision, "language": language}

    def _render(
        self,
        request: Request,
        template: str,
        document: Document | None = None,
        variables: Variables | None = None,
        status: int = 200,
        **values: Any,
    ) -> Response:
        language = request.path_params.get("language") or preferred(request.headers.get("accept-language", ""))
        root = request.scope.get("root_path", "")
        as_graphql = None
        if document is not None and self._has_graphiql:
            asked = {"query": document.text, "variables": orjson.dumps(variables).decode()}
            as_graphql = f"{root}/graphiql/?{urlencode(asked)}"
        values |= {"root": root, "language": language, "_": TEXTS[language], "languages": LANGUAGES}
        values |= {"as_graphql": as_graphql, "path": request.url.path.removeprefix(root), "asked": _asked(request)}
        values |= {"has_graphiql": self._has_graphiql, "address": str(request.base_url)}
        content = self._templates.get_template(template).render(values)
        headers = HEADERS if "language" in request.path_params else {**HEADERS, "Vary": "Accept-Language"}
        return Response(content, status, headers, "text/html; charset=utf-8")

    def _missing(self, request: Request) -> Response:
        return self._render(request, "error.html", status=404, message=None)

    def _refused(self, request: Request, error: RequestError) -> Response:
        answer = self._render(request, "error.html", status=error.status, message=str(error))
        answer.headers.update(error.headers)
        return answer


def _asked(request: Request) -> str:
    """The query of an address, without what the page showed before it fetched itself again."""
    return urlencode([pair for pair in request.query_params.multi_items() if pair[0] != "since"])


def _pairs(items: list[Any], value: str | None = None, shown: str | None = None) -> list[tuple[str, str]]:
    """Options to choose from: of each item two of its fields, or itself twice."""
    return [(item, item) if value is None else (item[value], item[shown]) for item in items]


def _twin(request: Request, data: dict[str, Any], rows: list[dict[str, Any]]) -> Response:
    """What a page shows, as data."""
    form = request.path_params["form"]
    if form == "json":
        return Response(orjson.dumps(data), headers={"Cache-Control": "no-cache"}, media_type="application/json")
    if form != "csv":
        return Response(f"{form} is none of csv, json\n", 404, media_type="text/plain")
    buffer = io.StringIO()
    if rows:
        writer = csv.DictWriter(buffer, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: harmless(cell) for name, cell in row.items()} for row in rows)
    return Response(buffer.getvalue(), headers={"Cache-Control": "no-cache"}, media_type="text/csv")


def _ranking_rows(ranking: dict[str, Any]) -> list[dict[str, Any]]:
    codes = [category["code"] for category in ranking["edition"]["categories"]]
    rows = []
    for entry in ranking["entries"]["nodes"]:
        city, printed = entry["city"], entry["published"] or {}
        row = {"edition": ranking["edition"]["year"], "revision": ranking["revision"], "rank": entry["rank"]}
        row |= {"city": city["slug"], "name": city["name"], "state": city["state"], "population": city["population"]}
        row |= {"score": entry["score"], "rank_change": entry["rankChange"]}
        row |= {"estimated_share": entry["estimatedShare"]}
        row |= {"printed_score": printed.get("score"), "printed_rank": printed.get("rank")}
        row |= {"source": printed.get("source")}
        for code, result in zip(codes, entry["categories"], strict=True):
            row |= {f"{code}_score": result["score"], f"{code}_rank": result["rank"]}
        rows.append(row)
    return rows


def _city_rows(entry: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for result in entry["categories"]:
        category = result["category"]["code"]
        row = {"city": entry["city"]["slug"], "category": category, "indicator": None, "score": result["score"]}
        rows.append({**row, "rank": result["rank"], "status": result["status"], "source": None})
        for below in result["indicators"]:
            row = {"city": entry["city"]["slug"], "category": category, "indicator": below["indicator"]["code"]}
            row |= {"score": below["score"], "rank": below["rank"], "status": below["status"]}
            rows.append({**row, "source": (below["provenance"] or {}).get("source")})
    return rows


def _method_rows(edition: dict[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for category in edition["categories"]:
        row = {"edition": edition["year"], "level": "category", "code": category["code"], "name": category["name"]}
        rows.append({**row, "weight": category["weight"], "maximum": None})
        for below in category["indicators"]:
            row = {"edition": edition["year"], "level": "indicator", "code": below["code"], "name": below["name"]}
            rows.append({**row, "weight": below["weight"], "maximum": below["maximum"]})
    return rows
