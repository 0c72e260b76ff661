"""`sci up`: starts everything, keeps it alive, ends it; and the commands beside it."""

import asyncio
import csv
import json
import os
import re
import signal
import socket
import sys
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
import pytest

from db import local
from tests import made_up
from tests.api.websocket.test_subscription import NEWEST, connected
from tests.paths.conftest import (
    RANKED_SECONDS,
    STOP_SECONDS,
    System,
    descendants,
    environment,
    processes_of,
    sci,
    starting,
    up,
)

BUNDLED = Path(local.__file__).parents[1] / "data"
with (BUNDLED / "score.csv").open(newline="") as _scores:
    SCORES = Counter(int(row["edition"]) for row in csv.DictReader(_scores))


def pid_of(system: System, word: str) -> int:
    """The oldest process of a system whose command line contains *word*."""
    found = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and word in _command_line(p)]
    ours = [pid for pid in sorted(found) if os.fsencode(system.data_dir) in _told(pid)]
    return ours[0]


async def test_it_says_what_it_does_and_keeps_the_data_even_when_it_is_killed(tmp_path: Path) -> None:
    async with up(tmp_path) as system:
        assert system.lines[:7] == [
            "postgres started", "redis started", "migrations applied", f"data loaded: {SCORES.total()} scores",
            "api started", "worker started", "relay started",
        ]  # fmt: skip
        assert re.fullmatch(r"ready after \d+\.\d s: http://127\.0\.0\.1:\d+/", system.lines[7])
        await _try_what_it_says(system)
        submission = await system.submit(10, await system.token())
        assert await system.ranked(submission["id"]) == 3
        await system.stop(signal.SIGINT)
    async with up(tmp_path) as system:
        assert f"data loaded: {SCORES.total()} scores" not in system.lines
        answer = await system.query('{ ranking { revision entry(city: "krefeld") { rank } } }')
        assert answer == {"ranking": {"revision": 3, "entry": {"rank": 50}}}
        port = system.url.rstrip("/").rpartition(":")[2]
        system.process.kill()
        assert await system.process.wait() == -signal.SIGKILL
    # At once, while what the killed one started is about to end.
    async with up(tmp_path, "--port", port) as system:
        assert await system.query("{ ranking { revision } }") == {"ranking": {"revision": 3}}
        system.process.kill()
        async with asyncio.timeout(STOP_SECONDS):
            assert await system.process.wait() == -signal.SIGKILL
            while processes_of(tmp_path):
                await asyncio.sleep(0.05)
    # Postgres recovers, with all that was answered before.
    assert "2025 krefeld overall: rank 41 printed, 50 computed" in (await sci("verify", "--data-dir", tmp_path)).output


async def _try_what_it_says(system: System) -> None:
    """Every line after the address: addresses answer, commands work as they are pasted."""
    said = dict(re.split(r"  +", line, maxsplit=1) for line in system.lines[8:])
    assert list(said) == ["the ranking", "GraphiQL", "a token", "a first query", "to stop"]
    async with httpx2.AsyncClient(follow_redirects=True) as client:
        for name in ("the ranking", "GraphiQL"):
            assert (await client.get(said[name])).status_code == 200
    token = (await _pasted(said["a token"])).splitlines()[-1]
    await system.ranked((await system.submit(100, token))["id"])
    top_ten = json.loads(await _pasted(said["a first query"]))["data"]["ranking"]["topTen"]
    assert top_ten[0]["city"] == {"name": "München"}


async def _pasted(command: str) -> str:
    process = await asyncio.create_subprocess_shell(command, stdout=asyncio.subprocess.PIPE, env=environment())
    output, _ = await process.communicate()
    assert process.returncode == 0, command
    return output.decode()


async def test_a_start_can_be_ended(tmp_path: Path) -> None:
    async with starting(tmp_path) as system:
        await system.until("postgres started")
        await system.stop()


async def test_two_systems_run_side_by_side_under_long_paths(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    dataset = made_up.write(tmp_path / "dataset", cities=20, parameters=10)
    async with up(folder / "b", "--dataset", dataset, "--api-processes", "2") as two:
        assert {"api-1 started", "api-2 started"} < set(two.lines)
        async with up(folder / "a") as one:
            assert one.url != two.url
            await one.ranked((await one.submit(10, await one.token()))["id"])
        answer = await two.query("{ editions { year cityCount ranking { revision cityCount } } }")
        assert answer == {"editions": [{"year": 3000, "cityCount": 20, "ranking": {"revision": 1, "cityCount": 20}}]}
        await _every_api_process_hears_of_a_ranking(two)


async def test_a_child_that_dies_is_restarted(tmp_path: Path) -> None:
    async with up(tmp_path) as system:
        token = await system.token()
        words = {"api": "api.cli.main\0serve", "worker": "workers.app\0worker", "relay": "workers.relay"}
        words |= {"redis": "valkey-server", "postgres": "/postgres\0-D"}
        for value, (name, word) in enumerate(words.items()):
            os.kill(pid_of(system, word), signal.SIGKILL)
            assert await system.until(name) == f"{name} ended with SIGKILL; restarted (1)"
            await _submit_and_rank(system, value, token)
        child = descendants(pid_of(system, "workers.app\0worker"))[0]
        os.kill(child, signal.SIGKILL)
        await _submit_and_rank(system, 100, token)


async def test_what_keeps_it_from_starting_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        await _fails(f"cannot listen on 127.0.0.1 port {port}: Address already in use", tmp_path / "a", "--port", port)
    file = tmp_path / "file"
    file.touch()
    await _fails(f"cannot use {file}", file)
    await _fails("is not a folder", tmp_path / "b", "--dataset", tmp_path / "nowhere")
    broken = made_up.write(tmp_path / "broken", cities=3, parameters=3)
    (broken / "score.csv").write_text("edition,city,measure,value,source\n3000,made-up-000000,parameter_0,x,s\n")
    await _fails("score.csv, line 2, column value: 'x' is not a number", tmp_path / "c", "--dataset", broken)
    older = tmp_path / "older"
    (older / "postgres").mkdir(parents=True)
    (older / "postgres" / "PG_VERSION").write_text("17\n")
    await _fails("holds data of PostgreSQL 17, this installation runs 18", older)


async def test_wrong_settings_are_a_clear_line_each() -> None:
    wrong = {"DATABASE_URL": "sci", "REDIS_URL": "127.0.0.1:6379", "SCI_STALE_SECONDS": "never"}
    finished = await sci("up", **wrong, SCI_ALLOWED_ORIGINS='["example.org"]', SCI_RATE_LIMITS="off")
    assert finished.status == 1
    assert [line.split(":")[1].strip() for line in finished.errors.splitlines()] == [
        "SCI_RATE_LIMITS is not a setting; did you mean SCI_RATE_LIMIT?", *wrong, "SCI_ALLOWED_ORIGINS",
    ]  # fmt: skip
    assert "Value error" not in finished.errors


async def test_a_token_is_made_for_an_installation_that_is_there(tmp_path: Path) -> None:
    refused = await sci("token", "--data-dir", tmp_path / "typo")
    assert (refused.status, refused.output) == (1, "")
    assert f"there is no installation in {tmp_path / 'typo'}" in refused.errors
    assert not (tmp_path / "typo").exists()


async def test_a_data_dir_that_may_not_be_written_is_one_clear_line(tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o500)  # noqa: PTH101 - ruff sees a blocking call in the other spelling only
    # Root may write everywhere; without this right it is an owner like any other.
    words = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    command = [*words, sys.executable, "-m", "api.cli.main", "up", "--port", "0", "--data-dir", str(tmp_path)]
    process = await asyncio.create_subprocess_exec(*command, env=environment(), stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    message = f"sci: cannot write in the data directory {tmp_path}: Permission denied\n"
    assert (process.returncode, said.decode()) == (1, message)


async def test_a_data_dir_has_one_system(system: System) -> None:
    finished = await sci("up", "--port", "0", "--data-dir", system.data_dir)
    assert finished.status == 1
    assert str(system.process.pid) in finished.errors


async def test_servers_that_are_named_are_used(tmp_path: Path) -> None:
    async with local.servers(tmp_path / "servers", postgres_options={"fsync": "off"}):
        urls = {
            "DATABASE_URL": local.database_url(tmp_path / "servers"),
            "REDIS_URL": local.redis_url(tmp_path / "servers"),
        }
        async with up(tmp_path / "data", **urls) as system:
            assert not set(system.lines) & {"postgres started", "redis started"}
            submission = await system.submit(10, await system.token())
            assert await system.ranked(submission["id"]) == 2
            assert not (tmp_path / "data" / "postgres").exists()
        assert len(processes_of(tmp_path / "servers")) >= 2


async def test_the_commands_beside_a_running_system(tmp_path: Path, system: System) -> None:
    revision = await system.ranked((await system.submit(100, await system.token()))["id"])
    data_dir = ("--data-dir", system.data_dir)
    verified = await sci("verify", *data_dir)
    assert (verified.status, verified.output) == (0, "2024, 2025: 250 rows compared, none off\n")
    assert (await sci("migrate", *data_dir)).output == "migrations applied\n"
    exported = await sci("export", "2025", "--to", tmp_path, *data_dir)
    assert (exported.status, exported.output) == (0, f"{tmp_path}\n")
    assert (await sci("load", tmp_path, *data_dir)).output == "2025: 0 scores changed\n"
    scores = tmp_path / "score.csv"
    scores.write_text(scores.read_text().replace("2025,krefeld,payment,100,", "2025,krefeld,payment,10,"))
    assert (await sci("load", tmp_path, *data_dir)).output == "2025: 1 scores changed, new revision\n"
    async with connected(system) as follower:
        await follower.subscribe(NEWEST, since=revision)
        assert await follower.event() == {"ranking": {"revision": revision + 1, "edition": {"year": 2025}}}
    verified = await sci("verify", "2025", *data_dir)
    assert verified.status == 1
    assert "2025 krefeld overall: rank 41 printed, 50 computed" in verified.output.splitlines()
    rebuilt = await sci("verify", "--rebuild", *data_dir)
    assert (rebuilt.status, rebuilt.output.splitlines()[-1].partition(" ")[2]) == (0, "rebuilt, none off")


async def test_a_spreadsheet_beside_a_running_system(tmp_path: Path, system: System) -> None:
    revision = await system.ranked((await system.submit(100, await system.token()))["id"])
    sheet = tmp_path / "scores.csv"
    sheet.write_text("city,measure,value\nkrefeld,payment,10\n")
    arguments = ("submit", sheet, "--edition", "2025", "--data-dir", system.data_dir)
    submitted = await sci(*arguments)
    assert (submitted.status, submitted.output) == (0, f"2025: revision {revision + 1}, 1 scores changed\n")
    async with connected(system) as follower:
        await follower.subscribe(NEWEST, since=revision)
        assert await follower.event() == {"ranking": {"revision": revision + 1, "edition": {"year": 2025}}}
    sheet.write_text("city,measure,value\nkrefeld,payment,101\nnowhere,payment,20\n")
    refused = await sci(*arguments)
    assert (refused.status, refused.output) == (1, "")
    assert refused.errors.splitlines()[-2:] == [
        "sci: scores.csv, line 2, column value: 101 is outside 0 to 100, the range of payment",
        "scores.csv, line 3, column city: no city 'nowhere'",
    ]


async def test_the_commands_without_a_running_system(tmp_path: Path) -> None:
    data_dir = ("--data-dir", tmp_path / "data")
    assert (await sci("migrate", *data_dir)).status == 0
    loaded = await sci("load", BUNDLED, *data_dir)
    assert loaded.output.splitlines()[-2:] == [
        f"2024: {SCORES[2024]} scores changed, new revision",
        f"2025: {SCORES[2025]} scores changed, new revision",
    ]
    # All at once: who comes first starts Postgres, and ends it when the last one is done.
    migrated, verified, exported, schema = await asyncio.gather(
        sci("migrate", *data_dir),
        sci("verify", *data_dir),
        sci("export", "2025", "--to", tmp_path / "export", *data_dir),
        sci("schema"),
    )
    assert (migrated.status, migrated.output) == (0, "migrations applied\n")
    assert (verified.status, verified.output) == (0, "no edition with a ranking: 0 rows compared, none off\n")
    assert (exported.status, exported.output) == (0, f"{tmp_path / 'export'}\n")
    assert schema.output == (Path(__file__).parents[2] / "api" / "schema.graphql").read_text()
    assert processes_of(tmp_path / "data") == []


async def test_tokens_are_for_a_role_a_city_and_a_time(system: System) -> None:
    editor = await system.token("--role", "editor", "--city", "krefeld", "--ttl", "1d")
    submission = await system.submit(50, editor)
    query = "query($id: ID!) { submission(id: $id) { submittedBy } }"
    answer = await system.query(query, {"id": submission["id"]}, editor)
    assert answer == {"submission": {"submittedBy": "editor:krefeld"}}
    with pytest.raises(AssertionError, match="FORBIDDEN"):
        await system.submit(50, editor, "berlin")
    of_two = await system.token("--role", "editor", "--city", "krefeld", "--city", "berlin")
    for city in ("krefeld", "berlin"):
        submission = await system.submit(50, of_two, city)
    with pytest.raises(AssertionError, match="may change the scores of krefeld, berlin only"):
        await system.submit(50, of_two, "bonn")
    desk = await system.token("--subject", "Desk of Krefeld")
    named = await system.submit(55, desk)
    answer = await system.query(query, {"id": named["id"]}, desk)
    assert answer == {"submission": {"submittedBy": "Desk of Krefeld"}}
    printed = await sci("token", SCI_DATA_DIR=str(system.data_dir))
    [token] = printed.output.splitlines()
    assert (await system.submit(60, token))["revision"] == named["revision"] + 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["token", "--ttl", "soon"], "--ttl 'soon' is not a number and one of s, m, h, d"),
        (["token", "--ttl", "366d"], "--ttl 366d is longer than 365d"),
        (["token", "--role", "editor"], "an editor's token needs --city"),
        (["token", "--role", "admin", "--city", "krefeld"], "--city is for editors"),
        (["token", "--role", "editor", "--city", "Krefeld "], "--city 'Krefeld ' is not a slug"),
        (["token", "--subject", " "], "--subject is a name"),
        (["serve"], "DATABASE_URL and REDIS_URL must be set"),
        (["load", "nowhere"], "nowhere/city.csv: No such file or directory"),
        (["verify", "1999"], "there is no installation in"),
        (["export", "1999"], "there is no installation in"),
        (["status"], "there is no installation in"),
        (["backup", "file"], "there is no installation in"),
        (["restore", "nowhere.dump"], "cannot read nowhere.dump: No such file or directory"),
        (["watch", "--url", "nonsense"], "nonsense: Request URL is missing an 'http://' or 'https://' protocol"),
        (["submit", "nowhere.csv", "--edition", "2025"], "nowhere.csv: No such file or directory"),
    ],
)
async def test_bad_arguments_get_one_clear_line(arguments: list[str], words: str, tmp_path: Path) -> None:
    finished = await sci(*arguments, *(() if "watch" in arguments else ("--data-dir", tmp_path)))
    assert (finished.status, finished.output) == (1, "")
    assert words in finished.errors.splitlines()[-1]


async def _fails(words: str, data_dir: Path, *arguments: str | int | Path, **settings: str) -> None:
    port = () if "--port" in arguments else ("--port", "0")
    finished = await sci("up", "--data-dir", data_dir, *map(str, arguments), *port, **settings)
    assert finished.status == 1
    assert words in finished.errors.splitlines()[-1], finished
    assert processes_of(data_dir) == []


async def _every_api_process_hears_of_a_ranking(system: System) -> None:
    mutation = """mutation($scores: [ScoreInput!]!) {
      submitScores(input: {edition: 3000, scores: $scores}) { errors { code } } }"""
    scores = [{"city": "made-up-000001", "measure": "parameter_0", "value": 101}]
    async with AsyncExitStack() as stack:
        # The kernel hands connections out: that all 20 go to one process does not happen.
        followers = [await stack.enter_async_context(connected(system)) for _ in range(20)]
        for follower in followers:
            await follower.subscribe(NEWEST)
            assert (await follower.event())["ranking"]["revision"] == 1
        answer = await system.query(mutation, {"scores": scores}, await system.token())
        assert answer == {"submitScores": {"errors": []}}
        assert [(await follower.event())["ranking"]["revision"] for follower in followers] == [2] * 20


async def _submit_and_rank(system: System, value: float, token: str) -> None:
    """As a user does it who tries again while a process is on its way up."""
    ranking = """query($revision: Int!) { ranking(edition: 2025, revision: $revision) {
      entry(city: "krefeld") { category(code: "administration") { indicators { indicator { code } value } } } } }"""
    async with asyncio.timeout(RANKED_SECONDS):
        while True:
            try:
                submission = await system.submit(value, token)
                revision = await system.ranked(submission["id"])
                found = (await system.query(ranking, {"revision": revision}))["ranking"]
            except (AssertionError, httpx2.TransportError):
                await asyncio.sleep(0.1)
            else:
                break
    assert revision >= submission["revision"]
    values = {each["indicator"]["code"]: each["value"] for each in found["entry"]["category"]["indicators"]}
    assert values["payment"] == value


def _told(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


def _command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
