"""The worked example of COINr, from the files of a dataset to the stored ranking."""

import csv
from pathlib import Path

import pytest

from db.dataset import dataset, load
from db.postgres.pool import create_pool
from db.ranking import ranking
from db.settings import Settings
from tests.conftest import rank_all

ASEM = Path(__file__).parents[2] / "data" / "asem"


async def test_every_value_of_coinr_is_reproduced(empty_settings: Settings) -> None:
    assert empty_settings.database_url is not None
    pool = await create_pool(empty_settings.database_url, empty_settings, "test")
    await load.load(pool, dataset.read(ASEM))
    await rank_all(empty_settings, pool)
    [stored] = await ranking.by_key(pool, [(2018, 1)])
    await pool.close()
    assert stored is not None
    columns = {column.code: column for column in stored.columns}
    place = {city: index for index, city in enumerate(stored.cities)}
    with (ASEM / "expected.csv").open() as stream:
        expected = list(csv.DictReader(stream))
    assert len(expected) == 561
    for row in expected:
        column = columns[row["measure"]]
        assert column.score[place[row["city"]]] == pytest.approx(float(row["score"]), abs=1e-9), row
        if row["rank"]:
            assert column.rank[place[row["city"]]] == int(row["rank"]), row
