"""Inputs kept in memory from one ranking of an edition to the next, so that only what changed since is read.

Scores change by audited submissions alone, and all else that a ranking is computed from is named by its basis. So the
inputs of an earlier ranking on the same basis, with the changes since, are the inputs of now.
"""

from collections import OrderedDict
from dataclasses import replace

from db import inputs
from db.inputs import Basis, Inputs
from db.pool import Reader

# 100,000 cities with 205 measures take 185 MB.
MOST_BYTES = 256 * 1024 * 1024

# Where more changed, all that is recorded is read sooner.
MOST_CHANGES = 10_000

# Nothing when that ranking is not stored; a row without a code when nothing changed.
CHANGES_SINCE = """
select r.input_hash, c.code, c.slug, c.new_value, c.new_status
from ranking r
left join lateral (
    select m.code, city.slug, sc.new_value, sc.new_status::text
    from score_change sc
    join measure m on m.id = sc.measure_id
    join city on city.id = sc.city_id
    where sc.edition = r.edition and sc.revision > r.revision
    order by sc.revision
    limit $3
) c on true
where r.edition = $1 and r.revision = $2
"""


class KeptInputs:
    """The inputs of the rankings computed last, one an edition, *most_bytes* of figures at most."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[int, tuple[Inputs, str]] = OrderedDict()

    def keep(self, given: Inputs, input_hash: str) -> None:
        """Keep inputs whose ranking was stored; they must not be changed any more."""
        self._kept[given.edition] = given, input_hash
        self._kept.move_to_end(given.edition)
        while sum(each.values.nbytes + each.statuses.nbytes for each, _ in self._kept.values()) > self._most_bytes:
            self._kept.popitem(last=False)

    async def read(self, reader: Reader, edition: int, revision: int, basis: Basis) -> Inputs:
        """As `inputs.read_on`."""
        given, input_hash = self._kept.get(edition, (None, None))
        if given is not None and given.basis == basis and given.revision <= revision:
            rows = await reader.fetch(CHANGES_SINCE, edition, given.revision, MOST_CHANGES)
            # A database that was restored may have another ranking of that revision.
            if 0 < len(rows) < MOST_CHANGES and rows[0]["input_hash"] == input_hash:
                changes = [(code, city, value, status) for _, code, city, value, status in rows if code is not None]
                return replace(given.with_scores(changes), revision=revision)
        return await inputs.read_on(reader, edition, revision, basis)
