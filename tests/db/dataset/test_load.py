"""Loading: all or nothing, repeatable, and felt by every edition that it concerns."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from db.dataset import dataset, load
from db.dataset.csv_table import DatasetError
from db.dataset.dataset import Dataset, RecordedScore
from db.dataset.load import LoadError
from db.index.score import ValueStatus
from db.postgres.pool import Pool
from tests.conftest import BUNDLED

COUNTS = """select (select count(*) from city) as cities, (select count(*) from edition) as editions,
  (select count(*) from member) as members, (select count(*) from measure) as measures,
  (select count(*) from score) as scores, (select count(*) from score_change) as changes,
  (select count(*) from published) as published, (select count(*) from submission) as submissions"""
REVISIONS = "select year, revision from edition where revision > 0 order by year"


@pytest.fixture
def bundled() -> Dataset:
    return dataset.read(BUNDLED)


async def revisions(pool: Pool) -> dict[int, int]:
    return {row["year"]: row["revision"] for row in await pool.fetch(REVISIONS)}


async def test_the_bundled_data_is_all_there(pool: Pool) -> None:
    assert dict(await pool.fetchrow(COUNTS) or {}) == {
        "cities": 83,
        "editions": 7,
        "members": 570,
        "measures": 72,
        "scores": 3482,
        "changes": 3482,
        "published": 841,
        "submissions": 2,
    }
    by_status = await pool.fetch("select status::text, count(*) from score group by status order by count(*)")
    assert [tuple(row) for row in by_status] == [("rounded", 8), ("published", 105), ("estimated", 3369)]


async def test_loading_again_changes_nothing(pool: Pool, bundled: Dataset) -> None:
    before = await pool.fetchrow(COUNTS), await revisions(pool)
    loaded = await load.load(pool, bundled)
    assert (set(loaded.change_counts.values()), loaded.advanced) == ({0}, ())
    assert (await pool.fetchrow(COUNTS), await revisions(pool)) == before


async def test_a_changed_score_advances_its_edition_and_the_later_ones(pool: Pool, bundled: Dataset) -> None:
    edition = bundled.editions[2024]
    edition.scores[0] = edition.scores[0]._replace(value=1.0)
    loaded = await load.load(pool, bundled)
    assert (loaded.change_counts[2024], loaded.advanced) == (1, (2024, 2025))
    assert await revisions(pool) == {2024: 2, 2025: 2}
    assert [row["edition"] for row in await pool.fetch("select edition from outbox order by id")][-2:] == [2024, 2025]


async def test_a_changed_fact_advances_the_editions_compared_with_it(pool: Pool, bundled: Dataset) -> None:
    published = bundled.editions[2023].published
    published[0] = replace(published[0], rank=1)
    assert (await load.load(pool, bundled)).advanced == (2024, 2025)


async def test_a_changed_weight_advances_its_edition(pool: Pool, bundled: Dataset) -> None:
    measures = bundled.editions[2025].measures
    measures[0] = replace(measures[0], weight=2.0)
    assert (await load.load(pool, bundled)).advanced == (2025,)
    assert await pool.fetchval("select weight from measure where edition = 2025 and code = $1", measures[0].code) == 2


@pytest.mark.parametrize("removed", ["measure", "city"])
async def test_nothing_that_an_audit_names_is_removed(removed: str, pool: Pool, bundled: Dataset) -> None:
    edition: Any = bundled.editions[2025]
    before = await pool.fetchrow(COUNTS), await revisions(pool)
    if removed == "measure":
        gone = edition.measures.pop()
        edition.scores = [score for score in edition.scores if score.measure != gone.code]
    else:
        del edition.members["krefeld"]
        edition.scores = [score for score in edition.scores if score.city != "krefeld"]
        edition.published = [fact for fact in edition.published if fact.city != "krefeld"]
    bundled.editions[2024].scores.append(RecordedScore("aachen", "mobility", 1.0, "s", ValueStatus.RECORDED))
    with pytest.raises(LoadError, match=rf"^edition 2025 holds {removed} \w+, which the dataset leaves out$"):
        await load.load(pool, bundled)
    assert (await pool.fetchrow(COUNTS), await revisions(pool)) == before


async def test_a_file_may_say_that_an_edition_is_a_draft(pool: Pool, tmp_path: Path) -> None:
    shutil.copytree(BUNDLED, tmp_path / "draft")
    file = tmp_path / "draft" / "edition.csv"
    header, *lines = file.read_text().splitlines()
    stated = [f"{header},state", *(f"{line},{'draft' if line.startswith('2025') else ''}" for line in lines)]
    file.write_text("\n".join(stated) + "\n")
    with pytest.raises(LoadError, match="edition 2025 is draft, and it is published"):
        await load.load(pool, dataset.read(tmp_path / "draft"))
    file.write_text("\n".join(stated).replace("draft", "closed") + "\n")
    with pytest.raises(DatasetError, match=r"edition.csv, line \d+, .*state.*'closed' is neither draft nor published"):
        dataset.read(tmp_path / "draft")


async def test_what_was_printed_stays_without_its_file(pool: Pool, tmp_path: Path) -> None:
    for file in BUNDLED.glob("*.csv"):
        if file.name != "published.csv":
            shutil.copy(file, tmp_path)
    before = await pool.fetchval("select count(*) from published")
    await load.load(pool, dataset.read(tmp_path))
    assert await pool.fetchval("select count(*) from published") == before == 841
