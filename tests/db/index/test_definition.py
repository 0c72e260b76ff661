"""Definitions: what the tables say, each time that they changed."""

from typing import Any

from db.change import publication, submission
from db.change.member_proposal import MemberProposal
from db.change.methodology_proposal import MethodologyChange, MethodologyProposal, WeightChange
from db.change.proposal import Proposal
from db.dataset import dataset, load
from db.index import definition
from db.index.definition import FieldChange
from db.postgres import migrate
from db.postgres.pool import Pool, transaction
from tests.conftest import BUNDLED

NEWEST = "select max(id) from definition where edition = $1"


async def submit(pool: Pool, proposal: Proposal) -> int:
    async with transaction(pool) as writer:
        return (await submission.submit(writer, proposal, "test", None)).revision


async def assert_kept(pool: Pool, year: int) -> None:
    [kept] = await definition.by_id(pool, [await pool.fetchval(NEWEST, year)])
    assert kept == await definition.current(pool, year)


async def test_every_way_to_change_an_edition_keeps_a_definition(pool: Pool) -> None:
    for year in range(2019, 2026):
        await assert_kept(pool, year)
    change = MethodologyChange([WeightChange("mobility", 0.1), WeightChange("payment", 1e-6)], top_n=3)
    revisions = [await submit(pool, MethodologyProposal(2025, change))]
    await assert_kept(pool, 2025)
    revisions.append(await submit(pool, MemberProposal(2025, "new-city", 123_456, "New City", "Nowhere")))
    await assert_kept(pool, 2025)
    found = await definition.changes_by_key(pool, [(2025, revision) for revision in (*revisions, 1, 77)])
    assert found == [
        [
            FieldChange(None, "top_n", "10", "3"),
            FieldChange("mobility", "weight", "1", "0.1"),
            FieldChange("payment", "weight", "1", "1e-06"),
        ],
        [FieldChange("new-city", "member", "false", "true"), FieldChange("new-city", "population", None, "123456")],
        [],
        [],
    ]


async def test_a_load_that_changes_a_framework_keeps_a_definition(pool: Pool) -> None:
    bundled = dataset.read(BUNDLED)
    bundled.editions[2025].measures.reverse()
    bundled.editions[2023].published.pop()
    await load.load(pool, bundled)
    for year in (2023, 2025):
        await assert_kept(pool, year)
    rows = await pool.fetch("select edition, revision from definition where id > 7 order by id")
    assert [tuple(row) for row in rows] == [(2023, 0), (2025, 2)]


async def test_the_migration_keeps_what_an_older_version_had(pool: Pool) -> None:
    """The statement of migration 0003 says of the filled tables what the code says."""
    script = (migrate.MIGRATIONS / "0003_definition.sql").read_text()
    [fill] = [part for part in script.split(";") if part.strip().startswith("insert into definition")]
    kept: Any = "select edition, framework::text, cities, populations, published from definition order by edition"
    before = [definition._definition(*row) for row in await pool.fetch(kept)]
    await pool.execute("truncate definition")
    await pool.execute(fill)
    assert [definition._definition(*row) for row in await pool.fetch(kept)] == before


async def test_the_version_of_the_catalogue_moves_with_everything_in_it(pool: Pool) -> None:
    versions = [await definition.version(pool)]
    await submit(pool, MethodologyProposal(2025, MethodologyChange(top_n=3)))
    versions.append(await definition.version(pool))
    await load.load(pool, dataset.read(BUNDLED))
    versions.append(await definition.version(pool))
    async with transaction(pool) as writer:
        await publication.close(writer, 2024, None, "somebody")
    versions.append(await definition.version(pool))
    assert len(set(versions)) == 4
