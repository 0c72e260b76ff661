"""The Compose file: against the specification's schema, against our commands and settings, and its health checks."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import typer.main
import yaml

from api.cli import command
from api.cli.main import app
from db.local.postgres import LOCALE
from db.postgres.pool import Pool
from db.settings import Settings
from tests.conftest import Api

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE: str = SERVICES["migrate"]["build"]["dockerfile_inline"].replace("$$", "$")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ONE_SHOT = {"migrate"}
OURS = {"migrate", "api", "worker", "relay"}
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY$")
START_SECONDS = 30


def _seconds(duration: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([sm])", duration).groups()  # type: ignore[union-attr]
    return int(number) * {"s": 1, "m": 60}[unit]


def test_it_is_valid_compose() -> None:
    schema = json.loads((ROOT / "tests/data/compose-spec.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(COMPOSE)] == []


def test_every_service_has_a_health_check_or_ends() -> None:
    assert set(SERVICES) == OURS | {"postgres", "redis"}
    for name, service in SERVICES.items():
        assert ("healthcheck" in service) == (name not in ONE_SHOT), name
        assert service["restart"] == ("no" if name in ONE_SHOT else "unless-stopped"), name


def test_every_service_waits_for_what_it_needs() -> None:
    conditions = {
        name: {other: wait["condition"] for other, wait in service.get("depends_on", {}).items()}
        for name, service in SERVICES.items()
    }
    ready = {"migrate": "service_completed_successfully", "redis": "service_healthy"}
    assert conditions == {
        "postgres": {},
        "redis": {},
        "migrate": {"postgres": "service_healthy"},
        "api": ready,
        "worker": ready,
        "relay": ready,
    }


def test_no_service_has_more_rights_than_it_needs() -> None:
    for name, service in SERVICES.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "cap_add" not in service, name
        assert "privileged" not in service, name
        assert "user" in service or name in OURS, name
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["sci"]
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"api"}


def test_secrets_come_from_the_environment() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable):
                assert re.fullmatch(r"\$\{[A-Z_]+:\?[^}]+\}", value), f"{name}: {variable}"
            assert "://" not in value or urlsplit(value).password is None, f"{name}: {variable}"
    assert [name for name, service in SERVICES.items() if "SCI_TOKEN_SECRET" in service.get("environment", {})] == [
        "api"
    ]


def test_what_is_not_set_has_a_default_or_is_asked_for() -> None:
    assert [found for found in re.findall(r"(?<!\$)\$\{[^}]*\}", TEXT) if not re.search(r":[?-]", found)] == []


def test_every_command_and_setting_exists() -> None:
    commands = typer.main.get_command(app).list_commands(None)  # type: ignore[attr-defined]
    assert set(re.findall(r"\bsci,? ([a-z]+)", TEXT)) <= set(commands)
    assert {SERVICES[name]["command"][0] for name in OURS} == {"sci"}
    settings = {f"SCI_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"\bSCI_[A-Z_]+", TEXT)) <= settings


def test_a_process_has_the_time_to_end() -> None:
    settings = Settings()
    assert _seconds(SERVICES["api"]["stop_grace_period"]) > settings.shutdown_seconds
    assert _seconds(SERVICES["worker"]["stop_grace_period"]) > settings.task_time_limit_seconds
    # Its send may wait for a Redis that does not answer.
    assert _seconds(SERVICES["relay"]["stop_grace_period"]) > settings.redis_timeout_seconds


def test_the_database_sorts_as_the_launcher_does() -> None:
    assert SERVICES["postgres"]["environment"]["POSTGRES_INITDB_ARGS"].split() == LOCALE


def test_one_image_from_this_folder() -> None:
    assert [name for name, service in SERVICES.items() if "build" in service] == ["migrate"]
    assert {SERVICES[name]["image"] for name in OURS} == {COMPOSE["name"]}
    copied = re.findall(r"^COPY (\w+) \1$", DOCKERFILE, re.MULTILINE)
    assert sorted(copied) == sorted(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", bases[0])
    required = {re.split(r"[\[>=]", each)[0] for each in PROJECT["project"]["dependencies"]}
    assert set(re.findall(r"--no-install-package (\S+?)[\s\"]", DOCKERFILE)) <= required


def _check(name: str, settings: Settings, port: int = 8000) -> subprocess.CompletedProcess[str]:
    """Run the health check of a service as the container would."""
    kind, *words = SERVICES[name]["healthcheck"]["test"]
    words = [word.replace("$$", "$").replace(":8000/", f":{port}/") for word in words]
    # A worker that does not answer is waited for as long as this.
    words = [word.replace("--timeout 5", "--timeout 1") for word in words]
    program = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
    return subprocess.run(
        program, env=_environment(settings), cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )


def _environment(settings: Settings) -> dict[str, str]:
    assert settings.database_url is not None
    assert settings.redis_url is not None
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.defpath}",
        "DATABASE_URL": settings.database_url,
        # Where no other test's messages are.
        "REDIS_URL": settings.redis_url.replace("?db=0", "?db=9"),
        "SCI_LOG_LEVEL": "error",
    }


@contextmanager
def _process(arguments: list[str], settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(arguments, env=_environment(settings), cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.send_signal(signal.SIGCONT)


async def _until_healthy(name: str, settings: Settings, process: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(START_SECONDS):
        while (await asyncio.to_thread(_check, name, settings)).returncode != 0:
            assert process.poll() is None
            await asyncio.sleep(0.1)


async def test_the_health_check_of_the_api(api: Api, settings: Settings) -> None:
    port = urlsplit(api.url).port
    assert port is not None
    healthy = await asyncio.to_thread(_check, "api", settings, port)
    assert healthy.returncode == 0, healthy.stderr
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody: int = closed.getsockname()[1]
    assert (await asyncio.to_thread(_check, "api", settings, nobody)).returncode != 0


async def test_the_health_check_of_an_api_that_is_not_ready(api: Api, settings: Settings, pool: Pool) -> None:
    await pool.execute("delete from ranking where edition = 2025")
    port = urlsplit(api.url).port
    assert port is not None
    unready = await asyncio.to_thread(_check, "api", settings, port)
    assert unready.returncode != 0
    assert "503" in unready.stderr


async def test_the_health_check_of_the_relay(settings: Settings, pool: Pool) -> None:
    assert (await asyncio.to_thread(_check, "relay", settings)).returncode == 1
    with _process(command.relay(), settings) as process:
        await _until_healthy("relay", settings, process)
        process.send_signal(signal.SIGSTOP)
        await pool.execute("insert into outbox (edition, appended_at) values (2025, now() - interval '1 hour')")
        assert (await asyncio.to_thread(_check, "relay", settings)).returncode == 1


async def test_the_health_check_of_a_worker(settings: Settings) -> None:
    assert (await asyncio.to_thread(_check, "worker", settings)).returncode != 0
    with _process(command.worker(1, "error"), settings) as process:
        await _until_healthy("worker", settings, process)
