"""The rules that tie a ranking's figures together, for every city of the bundled data."""

from typing import Any

import pytest

from tests.conftest import Api

TABLE = """query($edition: Int) { ranking(edition: $edition) { cityCount topTen { city { slug } }
  hiddenChampions { city { slug } } entries(first: 100) { nodes { city { slug } score rank previousScore previousRank
    rankChange isTopTen isFirstTopTen isHiddenChampion hiddenChampionIn { code } pointsToNextRank pointsToTopTen
    isUpperHalf estimatedShare categories { category { code } score rank previousScore previousRank rankChange isTopTen
      isFirstTopTen isHiddenChampion pointsToNextRank estimatedShare status } } } } }"""
PRINTED = """{ cities(first: 100) { nodes { slug published { edition { year } category { code } rank } } } }"""


async def table(api: Api, edition: int) -> tuple[Any, list[Any]]:
    """The ranking of an edition and its lines, best first."""
    ranking = (await api.data(TABLE, {"edition": edition}))["ranking"]
    nodes = ranking["entries"]["nodes"]
    assert len(nodes) == ranking["cityCount"]
    return ranking, nodes


def columns(nodes: list[Any]) -> dict[str | None, list[Any]]:
    """The lines overall (None) and of each category, in the order of the overall ranking."""
    found: dict[str | None, list[Any]] = {None: nodes}
    for node in nodes:
        for category in node["categories"]:
            found.setdefault(category["category"]["code"], []).append({"city": node["city"], **category})
    return found


@pytest.mark.parametrize("edition", [2024, 2025])
async def test_ranks_follow_scores_and_points_lead_to_the_next(edition: int, read_api: Api) -> None:
    ranking, nodes = await table(read_api, edition)
    tenth = min(node["score"] for node in nodes if node["isTopTen"])
    for node in nodes:
        assert node["pointsToTopTen"] == max(0, tenth - node["score"])
        assert node["isUpperHalf"] == (node["rank"] <= ranking["cityCount"] / 2)
    assert [node["isUpperHalf"] for node in nodes].count(True) == 41
    for lines in columns(nodes).values():
        scores = [line["score"] for line in lines]
        for line in lines:
            better = [score for score in scores if score > line["score"]]
            assert line["rank"] == 1 + len(better)
            assert line["pointsToNextRank"] == (min(better) - line["score"] if better else None)


@pytest.mark.parametrize("edition", [2024, 2025])
async def test_flags_follow_the_rule_of_the_edition(edition: int, read_api: Api) -> None:
    ranking, nodes = await table(read_api, edition)
    found = columns(nodes)
    for code, lines in found.items():
        assert [line["isTopTen"] for line in lines] == [line["rank"] <= 10 for line in lines]
        if code is not None:
            champions = [line["rank"] <= 10 < node["rank"] for line, node in zip(lines, nodes, strict=True)]
            assert [line["isHiddenChampion"] for line in lines] == champions
    for node in nodes:
        champion_in = [c["category"] for c in node["categories"] if c["isHiddenChampion"]]
        assert (node["hiddenChampionIn"], node["isHiddenChampion"]) == (champion_in, bool(champion_in))
    assert ranking["topTen"] == [{"city": node["city"]} for node in nodes[:10]]
    assert ranking["hiddenChampions"] == [{"city": n["city"]} for n in nodes if n["isHiddenChampion"]]


async def test_the_edition_before_is_the_one_that_was_computed(read_api: Api) -> None:
    (_, before), (_, now) = await table(read_api, 2024), await table(read_api, 2025)
    older = {
        (code, line["city"]["slug"]): (line["score"], line["rank"])
        for code, lines in columns(before).items()
        for line in lines
    }
    newcomers = set()
    for code, lines in columns(now).items():
        for line in lines:
            score, rank = older.get((code, line["city"]["slug"]), (None, None))
            assert (line["previousScore"], line["previousRank"]) == (score, rank)
            assert line["rankChange"] == (None if rank is None else rank - line["rank"])
            if rank is None:
                newcomers.add(line["city"]["slug"])
    assert newcomers == {"cottbus"}


async def test_a_first_top_ten_was_in_none_before_computed_or_printed(read_api: Api) -> None:
    _, before = await table(read_api, 2024)
    _, now = await table(read_api, 2025)
    ever = {
        (code, line["city"]["slug"]) for code, lines in columns(before).items() for line in lines if line["isTopTen"]
    }
    for city in (await read_api.data(PRINTED))["cities"]["nodes"]:
        for line in city["published"]:
            if line["edition"]["year"] < 2025 and line["rank"] is not None and line["rank"] <= 10:
                ever.add((line["category"] and line["category"]["code"], city["slug"]))
    first = {
        (code, line["city"]["slug"])
        for code, lines in columns(now).items()
        for line in lines
        if line["isTopTen"] and (code, line["city"]["slug"]) not in ever
    }
    said = {(c, line["city"]["slug"]) for c, lines in columns(now).items() for line in lines if line["isFirstTopTen"]}
    assert said == first
    assert ("administration", "krefeld") in said


async def test_estimates_are_weighed_up_to_the_overall_score(read_api: Api) -> None:
    for edition, krefeld in ((2024, 1.0), (2025, 0.8)):
        _, nodes = await table(read_api, edition)
        for node in nodes:
            shares = [category["estimatedShare"] for category in node["categories"]]
            assert node["estimatedShare"] == pytest.approx(sum(shares) / 5, abs=1e-12)
            if edition == 2024:
                statuses = [category["status"] for category in node["categories"]]
                assert shares == [float(status == "ESTIMATED") for status in statuses]
        [found] = [node["estimatedShare"] for node in nodes if node["city"]["slug"] == "krefeld"]
        assert found == krefeld


async def test_every_way_to_a_ranking_leads_to_the_same(read_api: Api) -> None:
    query = """{ ranking { ...R } named: ranking(edition: 2025, revision: 1) { ...R } edition { ranking { ...R } }
      of: edition(year: 2025) { ranking(revision: 1) { ...R } } older: ranking(edition: 2024) { id }
      noRevision: ranking(edition: 2025, revision: 2) { id } negative: ranking(revision: -1) { id }
      largest: ranking(edition: 2147483647, revision: 2147483647) { id } unranked: ranking(edition: 2019) { id } }
    fragment R on Ranking { id revision edition { year } inputHash computedAt }"""
    data = await read_api.data(query)
    assert data["ranking"]["edition"] == {"year": 2025}
    assert data["ranking"] == data["named"] == data["edition"]["ranking"] == data["of"]["ranking"]
    assert data["older"]["id"] != data["ranking"]["id"]
    assert [data[name] for name in ("noRevision", "negative", "largest", "unranked")] == [None] * 4
