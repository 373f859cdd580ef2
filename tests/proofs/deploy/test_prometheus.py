"""Prometheus and Alertmanager: their own tools accept the files, every alert is tested both ways and has its page."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.debian import tool

_OTHERS = re.compile(
    "process_resident_memory_bytes|process_cpu_seconds_total|(alertmanager_notifications|prometheus_rule)_.*|cnpg_.*"
)
"""Those of prometheus-client, Prometheus, Alertmanager, and CloudNativePG's exporter (its default-monitoring.yaml)."""


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


@pytest.mark.timeout(600)  # a minute of processor, and there may be little of it
def test_every_alert_fires_with_its_fault_and_is_quiet_without(folder: Path) -> None:
    names = sorted(path.name for path in (folder / "prometheus").glob("*.test.yml"))
    run(tool("promtool"), "test", "rules", *names, folder=folder / "prometheus")


def test_amtool_accepts_the_routes(folder: Path) -> None:
    run(tool("amtool"), "check-config", "alertmanager.yml", folder=folder)


def test_each_alert_is_tested_both_ways(folder: Path, alerts: dict[str, dict[str, Any]]) -> None:
    files = (folder / "prometheus").glob("*.test.yml")
    tests = [test for file in files for test in yaml.safe_load(file.read_text())["tests"]]
    cases = [(case["alertname"], bool(case["exp_alerts"])) for test in tests for case in test["alert_rule_test"]]
    both = {(name, fires) for name in alerts for fires in (True, False)} - {("Watchdog", False)}
    assert set(cases) == both


def test_each_alert_says_what_to_do(root: Path, alerts: dict[str, dict[str, Any]]) -> None:
    for name, rule in alerts.items():
        assert rule["labels"]["severity"] in ({"none"} if name == "Watchdog" else {"page", "ticket"}), name
        assert f"`{name}`" in (root / rule["annotations"]["runbook"]).read_text(), name


def test_each_process_of_compose_is_scraped_and_missed(
    folder: Path, services: dict[str, str], alerts: dict[str, dict[str, Any]]
) -> None:
    """Under the labels of Kubernetes, where a pod says of itself what it is."""
    ours = {name for name, lines in services.items() if "*service" in lines or name.endswith("-worker")}
    config = yaml.safe_load((folder / "prometheus.yml").read_text())
    [job] = [job for job in config["scrape_configs"] if job["job_name"] == "whatsinvoice"]
    scraped = {group["targets"][0]: group["labels"] for group in job["static_configs"]}
    assert scraped.keys() == {f"{name}:9090" for name in ours}
    for target, labels in scraped.items():
        service, _, worker = target.partition(":")[0].partition("-")
        assert labels == {"service": service, "component": worker or ("http" if service == "gateway" else "api")}
        named = ",".join(f'{name}="{value}"' for name, value in labels.items())
        assert f'absent(up{{job="whatsinvoice",{named}}})' in alerts["ProcessMissing"]["expr"]


def named_in(*expressions: str) -> set[str]:
    """The metrics of expressions, without the endings of a histogram's series."""
    return {
        re.sub(r"_(bucket|count|sum)$", "", found)
        for expression in expressions
        for found in re.findall(
            r"(?<![\w:])([a-z]+(?:_[a-z0-9]+)+)(?=[\[{)]| [<>=!-])", re.sub(r"(by|on) \([^)]*\)", "", expression)
        )
    }


def unknown(root: Path, names: set[str]) -> list[str]:
    """Those that nothing of ours makes."""
    code = "".join(
        path.read_text()
        for part in ("libs", "gateway", "services", "deploy/backup")
        for path in (root / part).rglob("whatsinvoice_*/**/*.py")
    )
    return [name for name in names if not _OTHERS.fullmatch(name) and f'"{name}"' not in code]


def test_rules_name_metrics_that_we_have(root: Path, folder: Path, alerts: dict[str, dict[str, Any]]) -> None:
    recorded = yaml.safe_load((folder / "prometheus" / "recording.rules.yml").read_text())["groups"][0]["rules"]
    named = named_in(*(rule["expr"] for rule in (*alerts.values(), *recorded)))
    assert len(named) > 10
    assert unknown(root, named) == []
