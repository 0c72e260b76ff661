"""An edition written as a dataset, read back, and written again: the same to the byte."""

import csv
from pathlib import Path

import numpy as np
import pytest

from db.composite.framework import REACHES_ZERO, Level
from db.dataset import dataset, export, load
from db.dataset.csv_table import DatasetError
from db.postgres.pool import Pool, create_pool, transaction
from db.ranking import ranking, rebuild
from db.settings import Settings
from tests import made_up
from tests.conftest import BUNDLED, rank_all
from tests.db.ranking.test_asem import ASEM


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.csv") if path.name != "expected.csv"}


@pytest.mark.parametrize("year", [2019, 2023, 2024, 2025])
async def test_the_bundled_data_comes_out_as_it_went_in(year: int, pool: Pool, tmp_path: Path) -> None:
    await export.export(pool, year, tmp_path)
    for path in BUNDLED.glob("*.csv"):
        given = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
        key = next((name for name in ("edition", "year") if name in given[0]), None)
        if key is None:
            continue  # city.csv has the cities of every edition
        place = given[0].index(key)
        kept = [row for row in given[1:] if row[place] == str(year)]
        written = list(csv.reader((tmp_path / path.name).read_text(encoding="utf-8").splitlines()))
        columns = [given[0].index(name) for name in written[0]] if kept else []
        assert written[1:] == [[row[column] for column in columns] for row in kept], path.name


@pytest.mark.parametrize("source", ["asem", "made up", "bundled"])
async def test_loading_and_exporting_again_changes_no_byte(
    source: str, empty_settings: Settings, tmp_path: Path
) -> None:
    made = made_up.write(tmp_path / "made_up", cities=12, parameters=10)
    folder, year = {"asem": (ASEM, 2018), "made up": (made, made_up.YEAR), "bundled": (BUNDLED, 2025)}[source]
    assert empty_settings.database_url is not None
    pool = await create_pool(empty_settings.database_url, empty_settings, "test")
    await load.load(pool, dataset.read(folder))
    await export.export(pool, year, tmp_path / "first")
    await pool.execute("truncate city, edition, dataset_load cascade")
    await load.load(pool, dataset.read(tmp_path / "first"))
    await export.export(pool, year, tmp_path / "second")
    await pool.close()
    assert files(tmp_path / "first") == files(tmp_path / "second")
    if source == "made up":
        assert files(tmp_path / "first")["score.csv"].count(b"\n") == (made / "score.csv").read_bytes().count(b"\n")


async def test_asem_differs_from_its_export_in_order_only(empty_settings: Settings, tmp_path: Path) -> None:
    assert empty_settings.database_url is not None
    pool = await create_pool(empty_settings.database_url, empty_settings, "test")
    await load.load(pool, dataset.read(ASEM))
    await export.export(pool, 2018, tmp_path)
    await pool.close()
    written, given = files(tmp_path), files(ASEM)
    assert written.keys() == given.keys()
    assert {name: sorted(text.splitlines()) for name, text in written.items()} == {
        name: sorted(text.splitlines()) for name, text in given.items()
    }


async def test_a_lowest_score_is_loaded_ranked_and_exported(empty_settings: Settings, tmp_path: Path) -> None:
    folder = made_up.write(tmp_path / "made_up", cities=12, parameters=10)
    rows = list(csv.reader((folder / "edition.csv").read_text().splitlines()))
    rows[1][rows[0].index("aggregation")] = "geometric_mean"

    def write(lowest: str) -> None:
        with (folder / "edition.csv").open("w", newline="") as stream:
            csv.writer(stream).writerows([[*rows[0], "lowest"], [*rows[1], lowest]])

    for lowest, message in (("", "say a lowest score above 0"), ("0", "such as 1"), ("100", "it must be 0 to 99")):
        write(lowest)
        with pytest.raises(DatasetError, match=message):
            dataset.read(folder)
    write("1.5")
    assert empty_settings.database_url is not None
    pool = await create_pool(empty_settings.database_url, empty_settings, "test")
    await load.load(pool, dataset.read(folder))
    await rank_all(empty_settings, pool)
    await export.export(pool, made_up.YEAR, tmp_path / "out")
    [written] = csv.DictReader((tmp_path / "out" / "edition.csv").read_text().splitlines())
    assert (written["aggregation"], written["lowest"]) == ("geometric_mean", "1.5")
    [stored] = await ranking.by_key(pool, [(made_up.YEAR, 1)])
    assert stored is not None
    assert stored.framework.methodology.lowest == 1.5
    worst = {
        float(np.nanmin(column.score))
        for column, measure in zip(stored.columns[1:], stored.framework.measures, strict=True)
        if measure.level is Level.PARAMETER and stored.framework.normalisation_of(measure) in REACHES_ZERO
    }
    assert worst == {1.5}
    async with transaction(pool, "repeatable_read") as reader:
        assert (await rebuild.rebuild(reader, None)).differences == ()
    await pool.close()
