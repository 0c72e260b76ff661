"""What the publisher printed: facts to show and to verify against, never inputs of a score."""

from dataclasses import dataclass

from db.composite.rank import RESOLUTION
from db.postgres.pool import Reader

ALL = """
select p.edition, c.slug as city, m.code as category, p.score, p.rank, p.tendency, p.source
from published p
join city c on c.id = p.city_id
left join measure m on m.id = p.measure_id
order by p.edition desc, c.slug, m.position nulls first
"""

BY_EDITION = """
select p.edition, c.slug as city, m.code as category, p.score, p.rank, p.tendency, p.source
from published p
join city c on c.id = p.city_id
left join measure m on m.id = p.measure_id
where p.edition = $1
order by c.slug, m.position nulls first
"""


# Scores are printed with one decimal.
HALF_A_DIGIT = 0.05


@dataclass(frozen=True, slots=True)
class Published:
    """One printed line; `category` None is the overall ranking, any figure not printed is None.

    `tendency` is the rank of the edition before minus this one.
    """

    edition: int
    city: str
    category: str | None
    score: float | None
    rank: int | None
    tendency: int | None
    source: str


def agrees_in_score(fact: Published, score: float | None) -> bool:
    """Whether a computed score is the printed one, which has one decimal; also when none is printed."""
    return fact.score is None or (score is not None and abs(score - fact.score) <= HALF_A_DIGIT + RESOLUTION)


def agrees(fact: Published, score: float | None, rank: int | None) -> bool:
    """Whether a computed score and rank are the printed ones, as far as these are printed."""
    return agrees_in_score(fact, score) and fact.rank in (None, rank)


async def all_published(reader: Reader) -> list[Published]:
    """Every printed line: newest edition first, then by city, overall before the categories."""
    return [Published(**row) for row in await reader.fetch(ALL)]


async def by_edition(reader: Reader, edition: int) -> list[Published]:
    """Every printed line of one edition, by city, overall before the categories."""
    return [Published(**row) for row in await reader.fetch(BY_EDITION, edition)]
