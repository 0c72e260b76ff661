"""Member proposals: a city to compare in an edition."""

from dataclasses import dataclass
from typing import Any

from db.change.proposal import Problem, ProblemCode, Proposal, check_text
from db.index import definition
from db.index import framework as framework_rows
from db.index.city import SLUG, City, by_slug
from db.postgres.pool import LARGEST_INTEGER, Reader, Writer

IS_MEMBER = """
select exists (select from member m join city c on c.id = m.city_id where m.edition = $1 and c.slug = $2)
"""

INSERT_CITY = """
insert into city (slug, name, state, population)
select $1, $2::text, $3::text, $4::integer where not exists (select from city where slug = $1)
"""

INSERT_MEMBER = """
insert into member (edition, city_id, population) select $1, id, $3 from city where slug = $2
"""


@dataclass(frozen=True)
class MemberProposal(Proposal):
    """A city for an edition, by the population that admits it; a new city has a `name` and a `state` too."""

    city: str
    population: int
    name: str | None = None
    state: str | None = None

    def content(self) -> Any:
        return {"member": [self.city, self.population, self.name, self.state]}

    def check_form(self) -> list[Problem]:
        return [
            *super().check_form(),
            *check_text(self.name, ("name",)),
            *check_text(self.state, ("state",)),
        ]

    async def check(self, reader: Reader) -> list[Problem]:
        if not SLUG.fullmatch(self.city):
            message = f"{self.city!r} is not lower-case letters and digits joined by hyphens"
            return [Problem(ProblemCode.UNKNOWN_CITY, message, ("city",))]
        known = await by_slug(reader, self.city)
        problems = _check_new(self) if known is None else _check_known(self, known)
        if await reader.fetchval(IS_MEMBER, self.edition, self.city):
            message = f"{self.city!r} is a city of edition {self.edition} already"
            problems.append(Problem(ProblemCode.DUPLICATE, message, ("city",)))
        [framework] = await framework_rows.by_edition(reader, [self.edition])
        least = framework.methodology.min_population
        if not least < self.population <= LARGEST_INTEGER:
            message = f"{self.population} is not more than the edition's {least}"
            problems.append(Problem(ProblemCode.OUT_OF_RANGE, message, ("population",)))
        return problems

    async def apply(self, writer: Writer, revision: int) -> int:
        await writer.execute(INSERT_CITY, self.city, self.name, self.state, self.population)
        await writer.execute(INSERT_MEMBER, self.edition, self.city, self.population)
        await definition.record(writer, self.edition, revision)
        return 1


def _check_new(proposal: MemberProposal) -> list[Problem]:
    return [
        Problem(ProblemCode.UNKNOWN_CITY, f"no city {proposal.city!r}: give its {name} to add it", (name,))
        for name in ("name", "state")
        if getattr(proposal, name) is None
    ]


def _check_known(proposal: MemberProposal, known: City) -> list[Problem]:
    """A name or state may be repeated, not changed."""
    return [
        Problem(ProblemCode.DUPLICATE, f"{known.slug!r} is known with the {name} {getattr(known, name)!r}", (name,))
        for name in ("name", "state")
        if getattr(proposal, name) not in (None, getattr(known, name))
    ]
