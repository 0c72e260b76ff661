"""The press release that started the project, sentence by sentence, out of the API."""

from tests.conftest import Api

KREFELD = """
query { city(slug: "krefeld") { name result(edition: 2025) {
  score rank previousScore previousRank rankChange isUpperHalf isHiddenChampion isTopTen estimatedShare
  hiddenChampionIn { code }
  categories { category { code } rank score rankChange isTopTen isFirstTopTen isHiddenChampion pointsToNextRank
    indicators { indicator { code maximum } value score status } }
} } }
"""


async def test_krefeld_reads_straight_out_of_the_api(read_api: Api) -> None:
    city = (await read_api.data(KREFELD))["city"]
    result = city["result"]
    categories = {category["category"]["code"]: category for category in result["categories"]}
    administration = categories["administration"]

    # Krefeld is 41st of 83 with 71.4 points (43rd and 68.8 the year before).
    ranking = (await read_api.data("{ ranking(edition: 2025) { cityCount } }"))["ranking"]
    assert (city["name"], result["rank"], ranking["cityCount"], round(result["score"], 1)) == ("Krefeld", 41, 83, 71.4)
    assert (result["previousRank"], round(result["previousScore"], 1), result["rankChange"]) == (43, 68.8, 2)
    # For the first time in a category's Top 10: administration, 8th with 93.5, up 19 places.
    assert (administration["rank"], round(administration["score"], 1), administration["rankChange"]) == (8, 93.5, 19)
    assert administration["isTopTen"]
    assert administration["isFirstTopTen"]
    assert [c["isFirstTopTen"] for c in categories.values()].count(True) == 1
    # It is 0.1 points behind Düsseldorf.
    assert round(administration["pointsToNextRank"], 1) == 0.1
    results = await read_api.data(
        '{ ranking(edition: 2025) { category(code: "administration") { results(first: 7) { rank city { name } } } } }'
    )
    assert results["ranking"]["category"]["results"][-1] == {"rank": 7, "city": {"name": "Düsseldorf"}}
    # It is a Hidden Champion.
    assert result["isHiddenChampion"]
    assert result["hiddenChampionIn"] == [{"code": "administration"}]
    assert not result["isTopTen"]
    # The other categories: energy 50th, IT 43rd, mobility 61st, society 55th.
    ranks = {code: category["rank"] for code, category in categories.items()}
    assert ranks == {
        "administration": 8,
        "energy_environment": 50,
        "it_communication": 43,
        "mobility": 61,
        "society_education": 55,
    }
    # For the first time in the upper half of the table.
    assert result["isUpperHalf"]
    before = await read_api.data('{ city(slug: "krefeld") { result(edition: 2024) { isUpperHalf } } }')
    assert not before["city"]["result"]["isUpperHalf"]
    # Its indicators in that category stand at 100 for Payment down to 35 (of 35) for Sonstige Projekte.
    indicators = {i["indicator"]["code"]: i for i in administration["indicators"]}
    assert {code: i["value"] for code, i in indicators.items()} == {
        "internal_processes": 100.0,
        "payment": 100.0,
        "online_appointment_booking": 100.0,
        "online_access_act_services": 100.0,
        "website_and_social_media": 94.7,
        "service_portal": 87.5,
        "residents_concerns": 70.0,
        "other_administration_projects": 35.0,
    }
    assert indicators["other_administration_projects"]["indicator"]["maximum"] == 35.0
    assert {i["status"] for i in indicators.values()} == {"PUBLISHED"}
    # What is not printed is an estimate, and says so.
    assert 0 < result["estimatedShare"] < 1
