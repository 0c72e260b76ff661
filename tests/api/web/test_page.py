"""Pages for people: the same answer as the API's, in two languages, and nothing that runs or loads from elsewhere."""

import csv
import hashlib
import io
import json
import re

import pytest

from api.web.page.document import FOLDER
from api.web.page.text import TEXTS
from tests.api.schema.test_submission import payment, submit
from tests.conftest import Api, Recompute

TEXT = re.compile(r'_\(\s*"((?:[^"\\]|\\.)*)"')


async def test_the_start_leads_to_the_browsers_language(read_api: Api) -> None:
    for accepted, language in (("de-AT,de;q=0.9,en;q=0.5", "de"), ("fr, en;q=0.3, de;q=0.2", "en"), ("fr", "en")):
        answer = await read_api.client.get("/", headers={"Accept-Language": accepted})
        assert (answer.status_code, answer.headers["location"]) == (307, f"/{language}/")
        newest = await read_api.client.get(f"/{language}/")
        assert newest.headers["location"] == f"/{language}/2025"


@pytest.mark.parametrize(("language", "score", "word"), [("de", "71,4", "gedruckt"), ("en", "71.4", "printed")])
async def test_the_ranking_has_every_city_in_the_language(read_api: Api, language: str, score: str, word: str) -> None:
    answer = await read_api.client.get(f"/{language}/2025")
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    assert len(re.findall(r'<th scope="row">', answer.text)) == 83
    [row] = [row for row in answer.text.split("<tr") if f"/{language}/2025/krefeld" in row]
    assert f"<b>{score}</b>" in row
    assert word in row
    assert "unsafe" not in answer.headers["content-security-policy"]


async def test_a_choice_stands_in_the_address(read_api: Api) -> None:
    shown = (await read_api.client.get("/de/2025?state=Nordrhein-Westfalen&sort=name")).text
    names = re.findall(r'<th scope="row"><a [^>]*>([^<]+)</a>', shown)
    assert names[:2] == ["Aachen", "Bergisch Gladbach"]
    assert "München" not in names
    top = (await read_api.client.get("/de/2025.json?show=top")).json()
    assert len(top["ranking"]["entries"]["nodes"]) == 10


@pytest.mark.parametrize("asked", ["sort=x", "size=x", "show=x", "revision=-1", "sort=rank&sort=name", "category=x"])
async def test_a_choice_that_cannot_be_is_refused(read_api: Api, asked: str) -> None:
    answer = await read_api.client.get(f"/en/2025?{asked}")
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", ["/en/1999", "/en/2025/nowhere", "/fr/2025", "/fr/", "/guide/nothing", "/en/2025.xml"])
async def test_what_is_not_there_is_not_found(read_api: Api, path: str) -> None:
    assert (await read_api.client.get(path)).status_code == 404


async def test_a_page_and_its_twins_agree(read_api: Api) -> None:
    lines = list(csv.DictReader(io.StringIO((await read_api.client.get("/de/2025.csv")).text)))
    nodes = (await read_api.client.get("/de/2025.json")).json()["ranking"]["entries"]["nodes"]
    assert [line["city"] for line in lines] == [node["city"]["slug"] for node in nodes]
    city = await read_api.client.get("/en/2025/krefeld.csv")
    assert {line["city"] for line in csv.DictReader(io.StringIO(city.text))} == {"krefeld"}


async def test_text_of_an_address_is_shown_as_text(read_api: Api) -> None:
    page = (await read_api.client.get("/en/2025", params={"search": '"><script>alert(1)</script>'})).text
    assert "<script>alert" not in page


async def test_the_city_page_shows_its_results(read_api: Api) -> None:
    page = (await read_api.client.get("/de/2025/krefeld")).text
    assert "<h1>Krefeld</h1>" in page
    assert page.count("<section>") == 5


async def test_guides_are_shown(read_api: Api) -> None:
    assert "/guide/frontends" in (await read_api.client.get("/guide/")).text
    assert "<h1>For frontends</h1>" in (await read_api.client.get("/guide/frontends")).text


def test_every_text_is_in_german() -> None:
    texts = {text for file in FOLDER.glob("*.html") for text in TEXT.findall(file.read_text("utf-8"))}
    assert texts == set(TEXTS["de"].texts)


def test_vendored_files_are_those_that_are_listed() -> None:
    static = FOLDER / "static"
    listed = json.loads((static / "VENDORED.json").read_text("utf-8"))
    ours = {"VENDORED.json", "page.css"} | {entry["licence_file"] for entry in listed.values()}
    assert {file.name for file in static.iterdir()} - ours == set(listed)
    for name, entry in listed.items():
        assert hashlib.sha256((static / name).read_bytes()).hexdigest() == entry["sha256"]


async def test_a_newer_ranking_is_told_and_shows_who_moved(api: Api, recompute: Recompute) -> None:
    async with api.client.stream("GET", "/de/2025/live?since=1") as events:
        assert events.headers["content-type"].startswith("text/event-stream")
        await submit(api, [payment(90)])
        await recompute()
        async for line in events.aiter_lines():
            if line.startswith("data: "):
                assert line == "data: 2"
                break
    page = (await api.client.get("/de/2025?since=1")).text
    news = page.split('class="news"')[1].split("</p>")[0]
    assert re.search(r"Krefeld 41 → \d\d", news)
    assert page.count(' moved"') == page.count("moved")
    assert 'live?since=2"' in page
    # What it showed before is no part of any address of the page.
    assert "since=1" not in page


async def test_the_method_page_has_every_indicator(read_api: Api) -> None:
    page = (await read_api.client.get("/de/2025/method")).text
    assert page.count('<th scope="row">') == 37
    assert "83 Städte mit mehr als 100.000 Einwohnern" in page
    assert len((await read_api.client.get("/en/2025/method.csv")).text.splitlines()) == 43
    assert (await read_api.client.get("/en/1999/method")).status_code == 404
