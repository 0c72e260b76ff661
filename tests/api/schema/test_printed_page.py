"""The publisher's page of Jena, figure by figure, out of the API."""

import csv

from tests.conftest import BUNDLED, Api

PAGE = "https://www.bitkom.org/Smart-City-2025/Jena"
JENA = """
query { city(slug: "jena") { name published(edition: 2025) { category { code } score rank rankChange source }
  result(edition: 2025) { rank rankChange score estimatedShare
    categories { category { code } rank rankChange score status estimatedShare
      indicators { indicator { code name } value status provenance { source } } } } } }
"""


async def test_jena_reads_as_its_page(read_api: Api) -> None:
    city = (await read_api.data(JENA))["city"]
    result = city["result"]
    # Jena is 54th with 67.1 points, 7 places lower than the year before; all of it rests on printed figures.
    assert (city["name"], result["rank"], result["rankChange"], round(result["score"], 1)) == ("Jena", 54, -7, 67.1)
    assert result["estimatedShare"] == 0
    found = {
        each["category"]["code"]: (round(each["score"], 1), each["rank"], each["rankChange"])
        for each in result["categories"]
    }
    assert found == {
        "administration": (71.6, 54, 3),
        "it_communication": (69.1, 61, -17),
        "energy_environment": (46.6, 69, -1),
        "mobility": (68.9, 47, -11),
        "society_education": (79.4, 35, -13),
    }
    # The page and the computation agree in each of the six lines.
    computed = {None: (round(result["score"], 1), result["rank"], result["rankChange"]), **found}
    for line in city["published"]:
        code = line["category"] and line["category"]["code"]
        assert (line["score"], line["rank"], line["rankChange"]) == computed[code]
        assert line["source"] == PAGE
    assert len(city["published"]) == len(computed)
    # All 37 indicators are there as printed, with the page as their source.
    with (BUNDLED / "score.csv").open(newline="") as stream:
        printed = {
            row["measure"]: float(row["value"])
            for row in csv.DictReader(stream)
            if (row["edition"], row["city"]) == ("2025", "jena")
        }
    indicators = [indicator for category in result["categories"] for indicator in category["indicators"]]
    assert len(indicators) == 37
    for indicator in indicators:
        assert (indicator["status"], indicator["provenance"]["source"]) == ("PUBLISHED", PAGE)
        assert indicator["value"] == printed[indicator["indicator"]["code"]]
    values = {indicator["indicator"]["name"]: indicator["value"] for indicator in indicators}
    assert (values["5G"], values["Payment"], values["Digitalkompetenz"], values["Emissionsarme Busse"]) == (
        99.9,
        91.7,
        100,
        13.8,
    )
    # Its IT is printed as a category; the formula would give another score from the same indicators.
    statuses = {each["category"]["code"]: each["status"] for each in result["categories"]}
    assert statuses.pop("it_communication") == "PUBLISHED"
    assert set(statuses.values()) == {"COMPUTED"}
