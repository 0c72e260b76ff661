"""`sci up`: starts everything, keeps it alive, ends it; and the commands beside it."""

import os
import re
import signal
import socket
from pathlib import Path

import pytest

from db import local
from tests import made_up
from tests.paths.conftest import System, processes_of, sci, up

SERVERS = ("postgres", "redis")


def pid_of(system: System, word: str) -> int:
    """The oldest process of a system whose command line contains *word*."""
    found = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and word in _command_line(p)]
    ours = [pid for pid in sorted(found) if os.fsencode(system.data_dir) in _told(pid)]
    return ours[0]


async def test_it_says_what_it_does_and_keeps_the_data(tmp_path: Path) -> None:
    async with up(tmp_path) as system:
        assert system.lines == [
            "postgres started", "redis started", "migrations applied", "data loaded: 3481 scores", "api started",
            "worker started", "relay started", system.lines[-1],
        ]  # fmt: skip
        assert re.fullmatch(r"ready after \d+\.\d s: http://127\.0\.0\.1:\d+/", system.lines[-1])
        submission = await system.submit(10, await system.token())
        assert await system.ranked(submission["id"]) == 2
        await system.stop(signal.SIGINT)
    async with up(tmp_path) as system:
        assert "data loaded: 3481 scores" not in system.lines
        answer = await system.query('{ ranking { revision entry(city: "krefeld") { rank } } }')
        assert answer == {"ranking": {"revision": 2, "entry": {"rank": 50}}}


async def test_two_systems_run_side_by_side_under_long_paths(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    async with up(folder / "a") as one, up(folder / "b", "--api-processes", "2") as two:
        assert one.url != two.url
        await one.ranked((await one.submit(10, await one.token()))["id"])
        revisions = [(await s.query("{ ranking { revision } }"))["ranking"]["revision"] for s in (one, two)]
        assert revisions == [2, 1]
        await one.stop()
        assert (await two.query("{ ranking { revision } }"))["ranking"]["revision"] == 1


async def test_a_child_that_dies_is_restarted(tmp_path: Path) -> None:
    async with up(tmp_path) as system:
        token = await system.token()
        words = {"api": "api.cli\0serve", "worker": "workers.app\0worker", "relay": "workers.relay"}
        words |= {"redis": "redis-server", "postgres": "/postgres\0-D"}
        for value, (name, word) in enumerate(words.items()):
            os.kill(pid_of(system, word), signal.SIGKILL)
            assert await system.until(name) == f"{name} ended with SIGKILL; restarted (1)"
            submission = await _submit_until_accepted(system, value, token)
            assert await system.ranked(submission["id"]) >= 2


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
    assert (await sci("migrate", "--data-dir", older)).status == 0
    (older / "postgres" / "PG_VERSION").write_text("17\n")
    await _fails("holds data of PostgreSQL 17, this installation runs 18", older)
    await _fails("SCI_STALE_SECONDS", tmp_path / "d", SCI_STALE_SECONDS="never")


async def test_a_data_dir_has_one_system(system: System) -> None:
    finished = await sci("up", "--port", "0", "--data-dir", system.data_dir)
    assert finished.status == 1
    assert str(system.process.pid) in finished.errors


async def test_a_dataset_of_ones_own(tmp_path: Path) -> None:
    folder = made_up.write(tmp_path / "dataset", cities=20, parameters=10)
    async with up(tmp_path / "data", "--dataset", folder) as system:
        answer = await system.query("{ editions { year cityCount ranking { cityCount } } }")
        assert answer == {"editions": [{"year": 3000, "cityCount": 20, "ranking": {"cityCount": 20}}]}


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
        assert len(processes_of(tmp_path / "servers")) >= 2


async def test_the_commands_work_on_a_running_and_on_a_stopped_system(tmp_path: Path) -> None:
    async with up(tmp_path / "data"):
        await _commands(tmp_path)
    await _commands(tmp_path)
    assert processes_of(tmp_path / "data") == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["token", "--ttl", "soon"], "--ttl 'soon' is not a number and one of s, m, h, d"),
        (["token", "--role", "editor"], "an editor's token needs --city"),
        (["serve"], "DATABASE_URL and REDIS_URL must be set"),
        (["load", "nowhere"], "nowhere/city.csv: No such file or directory"),
        (["verify", "1999"], "there is no edition 1999"),
        (["export", "1999"], "there is no edition 1999"),
    ],
)
async def test_bad_arguments_get_one_clear_line(arguments: list[str], words: str, tmp_path: Path) -> None:
    finished = await sci(*arguments, "--data-dir", tmp_path)
    assert (finished.status, finished.output) == (1, "")
    assert words in finished.errors.splitlines()[-1]


async def _commands(folder: Path) -> None:
    data_dir = ("--data-dir", folder / "data")
    verified = await sci("verify", *data_dir)
    assert (verified.status, verified.output) == (0, "2024, 2025: 229 rows compared, none off\n")
    assert (await sci("migrate", *data_dir)).output.splitlines()[-1] == "migrations applied"
    exported = await sci("export", "2025", "--to", folder / "export", *data_dir)
    assert exported.status == 0
    loaded = await sci("load", folder / "export", *data_dir)
    assert loaded.output == "2025: 0 scores changed\n"
    assert (await sci("schema")).output == (Path(__file__).parents[2] / "api" / "schema.graphql").read_text()


async def _fails(words: str, data_dir: Path, *arguments: str | int | Path, **settings: str) -> None:
    port = () if "--port" in arguments else ("--port", "0")
    finished = await sci("up", "--data-dir", data_dir, *map(str, arguments), *port, **settings)
    assert finished.status == 1
    assert words in finished.errors.splitlines()[-1], finished
    assert processes_of(data_dir) == []


async def _submit_until_accepted(system: System, value: float, token: str) -> dict[str, str]:
    """A user tries again while a process is on its way up."""
    for _ in range(100):
        try:
            submission: dict[str, str] = await system.submit(value, token)
        except (AssertionError, OSError):
            continue
        return submission
    raise AssertionError("never accepted")


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
