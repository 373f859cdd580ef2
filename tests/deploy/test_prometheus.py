"""Prometheus and Alertmanager: their own tools accept the files, every alert is tested both ways and has its page."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.debian import tool

_OTHERS = {"http_requests_total"}
"""prometheus-fastapi-instrumentator's, at the gateway."""


def run(*command: str, folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def folder(root: Path) -> Path:
    return root / "deploy"


@pytest.fixture(scope="session")
def alerts(folder: Path) -> dict[str, dict[str, Any]]:
    rules = yaml.safe_load((folder / "prometheus" / "alerts.rules.yml").read_text())
    return {rule["alert"]: rule for group in rules["groups"] for rule in group["rules"]}


def test_promtool_accepts_the_configuration_and_the_rules(folder: Path) -> None:
    run(tool("promtool"), "check", "config", "--syntax-only", "prometheus.yml", folder=folder)
    names = sorted(path.name for path in (folder / "prometheus").glob("*.rules.yml"))
    run(tool("promtool"), "check", "rules", *names, folder=folder / "prometheus")


def test_every_alert_fires_with_its_fault_and_is_quiet_without(folder: Path) -> None:
    run(tool("promtool"), "test", "rules", "alerts.test.yml", folder=folder / "prometheus")


def test_amtool_accepts_the_routes(folder: Path) -> None:
    run(tool("amtool"), "check-config", "alertmanager.yml", folder=folder)


def test_each_alert_is_tested_both_ways(folder: Path, alerts: dict[str, dict[str, Any]]) -> None:
    tests = yaml.safe_load((folder / "prometheus" / "alerts.test.yml").read_text())["tests"]
    cases = [(case["alertname"], bool(case["exp_alerts"])) for test in tests for case in test["alert_rule_test"]]
    assert sorted(cases) == sorted((name, fires) for name in alerts for fires in (True, False))


def test_each_alert_says_what_to_do(root: Path, alerts: dict[str, dict[str, Any]]) -> None:
    for name, rule in alerts.items():
        assert rule["labels"]["severity"] in {"page", "ticket"}, name
        assert (root / rule["annotations"]["runbook"]).is_file(), name


def test_rules_name_metrics_that_we_have(root: Path, folder: Path, alerts: dict[str, dict[str, Any]]) -> None:
    recorded = yaml.safe_load((folder / "prometheus" / "recording.rules.yml").read_text())["groups"][0]["rules"]
    code = "".join(
        path.read_text()
        for part in ("libs", "gateway", "services")
        for path in (root / part).rglob("whatsinvoice_*/**/*.py")
    )
    named = {
        re.sub(r"_(bucket|count|sum)$", "", found)
        for rule in (*alerts.values(), *recorded)
        for found in re.findall(r"([a-z]+(?:_[a-z0-9]+)+)(?=[\[{)])", re.sub(r"by \([^)]*\)", "", rule["expr"]))
    }
    assert len(named) > 10
    assert [name for name in named - _OTHERS if f'"{name}"' not in code] == []
