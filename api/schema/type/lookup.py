"""From a global id to its node."""

from collections.abc import Awaitable, Callable

from api.operation.context import Info
from api.schema import node
from api.schema.node import Node, number
from api.schema.type import correction, proposal
from api.schema.type.city import City
from api.schema.type.correction import Correction
from api.schema.type.edition import Edition
from api.schema.type.entry import RankingEntry, entry_of
from api.schema.type.framework import Category, Indicator, MeasureNode, Parameter
from api.schema.type.proposal import Proposal
from api.schema.type.ranking import Ranking
from api.schema.type.submission import Submission
from api.schema.type.uncertainty import UncertaintyAnalysis
from db.composite.framework import Level

Finder = Callable[[Info, list[str]], Awaitable[Node | None]]


async def find_node(info: Info, global_id: str) -> Node | None:
    """The node with that id, None when there is none; raises `ClientError` for what is no id."""
    typename, key = node.decode(global_id)
    finder = FINDERS.get(typename)
    return None if finder is None else await finder(info, key)


async def _city(info: Info, key: list[str]) -> City | None:
    [slug] = key if len(key) == 1 else [""]
    row = info.context.live.catalogue.cities.get(slug)
    return None if row is None else City(row=row)


async def _edition(info: Info, key: list[str]) -> Edition | None:
    year = number(key[0]) if len(key) == 1 else None
    entry = None if year is None else info.context.live.catalogue.editions.get(year)
    return None if entry is None else Edition(entry=entry)


def _measure(level: Level, kind: type[MeasureNode]) -> Finder:
    async def find(info: Info, key: list[str]) -> MeasureNode | None:
        year, code = (number(key[0]), key[1]) if len(key) == 2 else (None, "")
        entry = None if year is None else info.context.live.catalogue.editions.get(year)
        if entry is None or code not in entry.framework.position:
            return None
        measure = entry.framework.measures[entry.framework.position[code]]
        if measure.level is not level:
            return None
        return kind(edition=entry.year, framework=entry.framework, measure=measure)

    return find


async def _ranking(info: Info, key: list[str]) -> Ranking | None:
    year, revision = _pair(key)
    snapshot = None if year is None else await info.context.snapshot(year, revision)
    return None if snapshot is None else Ranking(snapshot=snapshot)


async def _entry(info: Info, key: list[str]) -> RankingEntry | None:
    if len(key) != 4 or key[0] != "stored":
        return None
    year, revision = _pair(key[1:3])
    return None if year is None else entry_of(await info.context.snapshot(year, revision), key[3])


async def _submission(info: Info, key: list[str]) -> Submission | None:
    year, revision = _pair(key)
    if year is None or revision is None:
        return None
    row = await info.context.loaders.submission_by_key.load((year, revision))
    if row is None or year not in info.context.live.catalogue.editions:
        return None
    is_shown = info.context.live.shows_rankings_of(year) or row.submitted_by == info.context.viewer.subject
    return Submission(row=row) if is_shown else None


async def _proposal(info: Info, key: list[str]) -> Proposal | None:
    return await proposal.find(info, number(key[0]) if len(key) == 1 else None)


async def _analysis(info: Info, key: list[str]) -> UncertaintyAnalysis | None:
    id_ = number(key[0]) if len(key) == 1 else None
    row = None if id_ is None else await info.context.loaders.analysis_by_id.load(id_)
    if row is None or not info.context.live.shows_rankings_of(row.edition):
        return None
    return UncertaintyAnalysis(row=row)


async def _correction(info: Info, key: list[str]) -> Correction | None:
    match [number(part) for part in key]:
        case [int(year), int(revision), int(event)]:
            return await correction.find(info, year, revision, event)
    return None


def _pair(key: list[str]) -> tuple[int, int] | tuple[None, None]:
    """Year and revision of a key; both None when it is not of that form."""
    numbers = [number(part) for part in key]
    match numbers:
        case [int(year), int(revision)]:
            return year, revision
    return None, None


FINDERS: dict[str, Finder] = {
    "City": _city,
    "Edition": _edition,
    "Category": _measure(Level.CATEGORY, Category),
    "Indicator": _measure(Level.INDICATOR, Indicator),
    "Parameter": _measure(Level.PARAMETER, Parameter),
    "Ranking": _ranking,
    "RankingEntry": _entry,
    "Submission": _submission,
    "Proposal": _proposal,
    "Correction": _correction,
    "UncertaintyAnalysis": _analysis,
}
