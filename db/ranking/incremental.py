"""Rankings kept in memory with their inputs, so that the next one reads and computes only what changed since.

Scores change by audited submissions alone, and all else that a ranking is computed from is named by its basis. So the
inputs of an earlier ranking on the same basis, with the changes since, are the inputs of now.
"""

from collections import OrderedDict
from dataclasses import replace

from db.postgres.pool import Reader
from db.ranking import inputs
from db.ranking.inputs import Basis, Inputs
from db.ranking.ranking import Baseline, Ranking

# 100,000 cities with 205 measures take 1 GB.
MOST_BYTES = 1024 * 1024 * 1024

# Where more changed, all that is recorded is read sooner.
MOST_CHANGES = 10_000

# There is no row when that ranking is not stored, and one row without a code when nothing changed since. The first row
# alone has `column_revisions`, which belong to the ranking. The lock keeps the ranking, whose columns the next one will
# name, from being deleted until the transaction ends.
CHANGES_SINCE = """
select case when row_number() over () = 1 then r.column_revisions end as column_revisions, r.input_hash,
       c.code, c.slug, c.new_value, c.new_status
from (select * from ranking where edition = $1 and revision = $2 for key share) r
left join lateral (
    select m.code, city.slug, sc.new_value, sc.new_status::text
    from score_change sc
    join measure m on m.id = sc.measure_id
    join city on city.id = sc.city_id
    where sc.edition = r.edition and sc.revision > r.revision
    order by sc.revision
    limit $3
) c on true
"""


class RecentRankings:
    """The rankings computed last with their inputs, one an edition, *most_bytes* of arrays at most."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[int, tuple[Inputs, Ranking]] = OrderedDict()

    def keep(self, given: Inputs, ranked: Ranking) -> None:
        """Keep a ranking that was stored, and its inputs; neither must be changed any more."""
        self._kept[given.edition] = given, ranked
        self._kept.move_to_end(given.edition)
        while sum(_bytes(*each) for each in self._kept.values()) > self._most_bytes:
            self._kept.popitem(last=False)

    async def read(self, reader: Reader, edition: int, revision: int, basis: Basis) -> tuple[Inputs, Baseline | None]:
        """The inputs as `inputs.read_on` has them, and what to compute their ranking from, None without such a one.

        Raises one of `db.postgres.pool.AWAY` when that ranking was pruned since *reader*'s instant.
        """
        given, ranked = self._kept.get(edition, (None, None))
        if given is not None and ranked is not None and given.basis == basis and given.revision <= revision:
            rows = await reader.fetch(CHANGES_SINCE, edition, given.revision, MOST_CHANGES)
            # A database that was restored may have another ranking of that revision.
            if 0 < len(rows) < MOST_CHANGES and rows[0]["input_hash"] == ranked.input_hash:
                changes = [tuple(change) for _, _, *change in rows if change[0] is not None]
                changed = frozenset(given.framework.position[code] for code, *_ in changes)
                newer = replace(given.with_scores(changes), revision=revision)
                return newer, Baseline(ranked, rows[0]["column_revisions"], changed)
        return await inputs.read_on(reader, edition, revision, basis), None


def _bytes(given: Inputs, ranked: Ranking) -> int:
    figures = *ranked.figures.values(), *ranked.comparison.values()
    return given.values.nbytes + given.statuses.nbytes + sum(array.nbytes for rows in figures for array in rows)
