"""The questions that every server is asked, and how its answer becomes one and the same."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CITY = "city { slug name }"
RESULT = """rank score categories { category { code } rank score
  indicators { indicator { code } rank score } }"""
# PostGraphile at its best: a code is the key, so the row above has it, and no join is needed.
RESULT_WITH_KEYS = """rank score categories { category: categoryCode rank score
  indicators { indicator: indicatorCode rank score } }"""

NAMES = ("ranking", "city", "top-ten")


@dataclass(frozen=True)
class Dialect:
    """One document for each of `NAMES`; *read* gives the comparable part of what is below `data`."""

    documents: dict[str, str]
    read: Callable[[Any], Any]


def _only(data: Any) -> Any:
    (value,) = data.values()
    return value


def _read_ours(data: Any) -> Any:
    """Without the levels that an edition and its pages have."""
    value = _only(data)
    if "entries" in value:
        return value["entries"]["nodes"]
    return value.get("topTen", value)


def _read_keys(data: Any) -> Any:
    """With each code in an object of its own."""
    value = _only(data)
    for entry in value if isinstance(value, list) else [value["result"]]:
        for category in entry.get("categories", ()):
            category["category"] = {"code": category["category"]}
            for indicator in category["indicators"]:
                indicator["indicator"] = {"code": indicator["indicator"]}
    return value


def _postgraphile(result: str) -> dict[str, str]:
    return {
        "ranking": f"{{ allEntriesList {{ {CITY} {result} }} }}",
        "city": f'{{ cityBySlug(slug: "krefeld") {{ slug name result {{ {result} }} }} }}',
        "top-ten": f"{{ allEntriesList(first: 10) {{ rank score {CITY} }} }}",
    }


OURS = Dialect(
    {
        "ranking": f"{{ ranking(edition: 2025) {{ entries(first: 100) {{ nodes {{ {CITY} {RESULT} }} }} }} }}",
        "city": f'{{ city(slug: "krefeld") {{ slug name result(edition: 2025) {{ {RESULT} }} }} }}',
        "top-ten": f"{{ ranking(edition: 2025) {{ topTen {{ rank score {CITY} }} }} }}",
    },
    _read_ours,
)
POSTGRAPHILE = Dialect(_postgraphile(RESULT_WITH_KEYS), _read_keys)
POSTGRAPHILE_SAME_SHAPE = Dialect(_postgraphile(RESULT), _only)
YOGA = Dialect(
    {
        "ranking": f"{{ entries {{ {CITY} {RESULT} }} }}",
        "city": f'{{ city(slug: "krefeld") {{ slug name result {{ {RESULT} }} }} }}',
        "top-ten": f"{{ topTen {{ rank score {CITY} }} }}",
    },
    _only,
)
