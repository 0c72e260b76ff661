"""What a reader chose among the rows of the ranking, kept in the address."""

from dataclasses import dataclass

from starlette.requests import Request

from api.error import RequestError
from api.web.page.document import Variables

ORDERS = {
    "rank": "RANK_ASC",
    "last": "RANK_DESC",
    "name": "NAME_ASC",
    "climbed": "RANK_CHANGE_DESC",
    "fell": "RANK_CHANGE_ASC",
    "population": "POPULATION_DESC",
}
# Smallest and largest population of a size class.
SIZES = {"100-200": (None, 199_999), "200-500": (200_000, 499_999), "500": (500_000, None)}
SHOWN = {
    "all": {},
    "top": {"isTopTen": True},
    "first-top": {"isFirstTopTen": True},
    "champion": {"isHiddenChampion": True},
}
MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen values as they stand in the address, and as variables of the document."""

    sort: str
    category: str
    search: str
    state: str
    size: str
    show: str
    variables: Variables


def read(request: Request) -> Choice:
    """Raises `RequestError` naming the first value that cannot be chosen."""
    search, state = _text(request, "search"), _text(request, "state")
    size, category = _text(request, "size"), _text(request, "category")
    sort, show = _text(request, "sort") or "rank", _text(request, "show") or "all"
    for name, value, allowed in (("sort", sort, ORDERS), ("show", show, SHOWN), ("size", size, {"": None, **SIZES})):
        if value not in allowed:
            raise RequestError(400, "BAD_REQUEST", f"{name}={value!r} is none of {', '.join(filter(None, allowed))}")
    wanted: Variables = dict(SHOWN[show])
    if search:
        wanted["search"] = search
    if state:
        wanted["states"] = [state]
    if size:
        least, most = SIZES[size]
        wanted |= {"minPopulation": least} if least else {}
        wanted |= {"maxPopulation": most} if most else {}
    variables = {"filter": wanted or None, "order": ORDERS[sort], "category": category or None}
    return Choice(sort, category, search, state, size, show, variables)


def number(request: Request, name: str) -> int | None:
    """A number of the address; None where it is not given."""
    text = _text(request, name)
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS):
        raise RequestError(400, "BAD_REQUEST", f"{name}={text!r} is not a number of at most {MOST_DIGITS} digits")
    return int(text)


def year(named: int) -> int:
    """The year of an address, which GraphQL reads as 32 bits."""
    if named >= 10**MOST_DIGITS:
        raise RequestError(400, "BAD_REQUEST", "an edition is a year")
    return named


def _text(request: Request, name: str) -> str:
    values = request.query_params.getlist(name)
    if len(values) > 1:
        raise RequestError(400, "BAD_REQUEST", f"{name} is given more than once")
    return values[0].strip() if values else ""
