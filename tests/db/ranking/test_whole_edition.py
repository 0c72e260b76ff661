"""An edition as large as the real one, from its 13,529 data points to its ranking, against a second computation."""

from pathlib import Path

import numpy as np
import pytest

from db.composite.framework import OVERALL, Level
from db.dataset import dataset, load
from db.postgres.pool import create_pool
from db.ranking import ranking
from db.settings import Settings
from tests import made_up
from tests.conftest import rank_all
from tests.db.composite import oracle


async def test_163_parameters_of_83_cities_run_through(empty_settings: Settings, tmp_path: Path) -> None:
    folder = made_up.write(tmp_path, cities=83, parameters=163, indicators=37, categories=5, missing=0)
    # Some values are recorded at a higher level and stand in for what is below.
    with (folder / "score.csv").open("a") as stream:
        stream.writelines(f"3000,made-up-00000{n},indicator_{n},{n * 10},higher\n" for n in range(4))
        stream.write("3000,made-up-000009,category_2,55,higher\n")
    given = dataset.read(folder)
    framework = given.editions[3000].framework
    counts = [sum(m.level is level for m in framework.measures) for level in Level]
    assert counts == [5, 37, 163]
    assert empty_settings.database_url is not None
    pool = await create_pool(empty_settings.database_url, empty_settings, "test")
    assert (await load.load(pool, given)).change_counts == {3000: 13_529 + 5}
    await rank_all(empty_settings, pool)
    [stored] = await ranking.by_key(pool, [(3000, 1)])
    await pool.close()
    assert stored is not None
    cities = list(given.editions[3000].members)
    values = np.full((len(framework.measures), len(cities)), np.nan)
    for score in given.editions[3000].scores:
        values[framework.position[score.measure], cities.index(score.city)] = score.value
    expected = oracle.scores(framework, values)
    order = [cities.index(city) for city in stored.cities]
    assert len(stored.columns) == 1 + len(framework.measures)
    for column in stored.columns:
        scores = [expected[column.code][city] for city in order]
        assert column.score == pytest.approx([float(score or 0) for score in scores], abs=1e-9), column.code
    overall = stored.columns[0]
    assert overall.code == OVERALL
    assert overall.rank.tolist() == oracle.ranks([expected[OVERALL][city] for city in order])
