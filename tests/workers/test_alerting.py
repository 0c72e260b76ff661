"""Alerts and the dashboard: promtool reads them, they name metrics that exist, and each alert fires when it should."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ALERTING = ROOT / "workers/alerting"
CACHE = ROOT / ".cache/prometheus"
RULES = yaml.safe_load((ALERTING / "rules.yml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((ALERTING / "dashboard.json").read_text())

# Series of one sample a minute, and whether each alert fires after the minutes.
CASES: dict[str, tuple[dict[str, str], int]] = {
    "RankingLate": ({'sci_edition_behind_seconds{edition="2025"}': "0 70 130 190 250"}, 4),
    "EditionParked": ({'sci_edition_parked{edition="2025"}': "0 1 1"}, 2),
    "OutboxOld": ({"sci_outbox_age_seconds": "0 60 120 180"}, 3),
    "WorkerAbsent": ({'sci_heartbeat_timestamp_seconds{role="worker"}': "0 0 0 0 0"}, 4),
    "RelayAbsent": ({'sci_heartbeat_timestamp_seconds{role="relay"}': "0 0 0 0 0"}, 4),
    "RequestsFail": (
        {
            'sci_http_requests_total{status="500"}': "0+10x20",
            'sci_http_requests_total{status="200"}': "0+90x20",
        },
        20,
    ),
    "RequestsRefused": (
        {
            'sci_http_requests_total{status="429"}': "0+50x30",
            'sci_http_requests_total{status="200"}': "0+50x30",
        },
        30,
    ),
    "ProposalsWait": ({"sci_proposals_pending": "60x90"}, 90),
    "DatabaseGrows": ({'sci_table_bytes{table="ranking"}': "1000000+100000x480"}, 480),
}
HEALTHY = {
    'sci_edition_behind_seconds{edition="2025"}': "0x480",
    'sci_edition_parked{edition="2025"}': "0x480",
    "sci_outbox_age_seconds": "0x480",
    'sci_heartbeat_timestamp_seconds{role="worker"}': "0+60x480",
    'sci_heartbeat_timestamp_seconds{role="relay"}': "0+60x480",
    'sci_http_requests_total{status="200"}': "0+90x480",
    "sci_proposals_pending": "3x480",
    'sci_table_bytes{table="ranking"}': "1000000+1x480",
}


@pytest.fixture(scope="session")
def promtool() -> str:
    """promtool of PATH, or of Debian's package, unpacked and not installed."""
    if found := shutil.which("promtool"):
        return found
    program = CACHE / "usr/bin/promtool"
    if not program.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        fetched = subprocess.run(["apt-get", "download", "prometheus"], cwd=CACHE, capture_output=True, check=False)
        packages = list(CACHE.glob("prometheus_*.deb"))
        if fetched.returncode or not packages:
            pytest.skip("promtool is neither on PATH nor can Debian's package prometheus be downloaded")
        subprocess.run(["dpkg-deb", "-x", packages[0], CACHE], check=True)
    return str(program)


def run(promtool: str, folder: Path, *arguments: str) -> str:
    done = subprocess.run([promtool, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_alert_has_a_case_and_a_heading() -> None:
    assert {rule["alert"] for rule in RULES} == CASES.keys()
    guide = (ROOT / "api/web/guide/operators.md").read_text()
    headings = {title.lower().replace(" ", "-") for title in re.findall(r"^### (.+)$", guide, re.MULTILINE)}
    assert {rule["annotations"]["runbook"].partition("#")[2] for rule in RULES} == headings


def test_every_metric_that_is_asked_for_exists() -> None:
    code = (ROOT / "workers/metrics.py").read_text() + (ROOT / "api/metrics.py").read_text()
    expressions = [rule["expr"] for rule in RULES]
    expressions += [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    named = {re.sub(r"_(total|bucket)$", "", name) for text in expressions for name in re.findall(r"sci_\w+", text)}
    assert named <= set(re.findall(r'"(sci_\w+)"', code))


def test_promtool_reads_the_rules_and_the_dashboard(promtool: str, tmp_path: Path) -> None:
    run(promtool, ALERTING, "check", "rules", "rules.yml")
    expressions = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    records = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(expressions)]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": records}]}))
    assert f"{len(expressions)} rules found" in run(promtool, tmp_path, "check", "rules", "panels.yml")


@pytest.mark.parametrize("alert", CASES)
def test_an_alert_fires_when_it_should_and_not_otherwise(promtool: str, tmp_path: Path, alert: str) -> None:
    shutil.copy(ALERTING / "rules.yml", tmp_path)
    series, minutes = CASES[alert]
    [rule] = [rule for rule in RULES if rule["alert"] == alert]
    (tmp_path / "ill.yml").write_text(yaml.safe_dump(_test(alert, series, minutes)))
    (tmp_path / "well.yml").write_text(yaml.safe_dump(_test(alert, HEALTHY, minutes)))
    command = [promtool, "test", "rules", "ill.yml"]
    failed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    # The case expects silence, so promtool shows what fired instead.
    assert failed.returncode == 1
    assert f'severity="{rule["labels"]["severity"]}"' in failed.stderr
    run(promtool, tmp_path, "test", "rules", "well.yml")


def _test(alert: str, series: dict[str, str], minutes: int) -> dict[str, Any]:
    """A unit test of promtool's that expects *alert* to be silent after *minutes*."""
    return {
        "rule_files": ["rules.yml"],
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "alert_rule_test": [{"eval_time": f"{minutes}m", "alertname": alert, "exp_alerts": []}],
            }
        ],
    }
