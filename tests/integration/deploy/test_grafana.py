"""The dashboards: written by their generator, of metrics that exist, each panel in its place and with its unit."""

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from proofs.deploy.test_prometheus import named_in, run, unknown
from support.debian import tool
from whatsinvoice_kit.observe import telemetry

UNITS = {"short", "s", "ops", "reqps", "bytes", "percentunit"}


@pytest.fixture(scope="session")
def generator(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_dashboards", root / "deploy" / "grafana" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def dashboards(root: Path) -> dict[str, dict[str, Any]]:
    files = sorted((root / "deploy" / "grafana" / "dashboards").glob("*.json"))
    return {file.stem: json.loads(file.read_text()) for file in files}


def graphs(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (panel for panel in dashboard["panels"] if panel["type"] != "row")


def expressions(dashboards: dict[str, dict[str, Any]]) -> list[str]:
    found = {t["expr"] for dashboard in dashboards.values() for panel in graphs(dashboard) for t in panel["targets"]}
    return sorted(expression.replace("$__rate_interval", "5m") for expression in found)


def test_the_files_are_what_the_generator_writes(generator: ModuleType, root: Path) -> None:
    folder = root / "deploy" / "grafana"
    wanted = {f"{dashboard.uid}.json": generator.as_json(dashboard) for dashboard in generator.DASHBOARDS}
    assert {file.name: file.read_text() for file in (folder / "dashboards").glob("*.json")} == wanted
    [maps] = yaml.safe_load((folder / "kustomization.yaml").read_text())["configMapGenerator"]
    assert sorted(maps["files"]) == sorted(f"dashboards/{name}" for name in wanted)


def test_there_is_one_of_each_service_and_of_what_they_share(root: Path, dashboards: dict[str, dict[str, Any]]) -> None:
    services = {path.name for path in (root / "services").iterdir() if path.is_dir()}
    assert dashboards.keys() == {f"whatsinvoice-{name}" for name in {*services, "gateway", "overview", "money"}}
    assert all(dashboard["uid"] == name for name, dashboard in dashboards.items())
    assert len({dashboard["title"] for dashboard in dashboards.values()}) == len(dashboards)


def test_promtool_reads_every_expression(dashboards: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    rules = [{"record": f"panel:{n}", "expr": e} for n, e in enumerate(expressions(dashboards))]
    assert len(rules) > 50
    (tmp_path / "panels.rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    run(tool("promtool"), "check", "rules", "panels.rules.yml", folder=tmp_path)


def test_expressions_name_metrics_and_rules_that_we_have(root: Path, dashboards: dict[str, dict[str, Any]]) -> None:
    text = (root / "deploy" / "prometheus" / "recording.rules.yml").read_text()
    recorded = set(re.findall(r"record: (\S+)", text))
    used = {rule for expression in expressions(dashboards) for rule in re.findall(r"\w+:\w+:\w+", expression)}
    assert used
    assert used <= recorded
    assert unknown(root, named_in(*expressions(dashboards))) == []


def test_what_an_alert_is_about_can_be_seen(root: Path, dashboards: dict[str, dict[str, Any]]) -> None:
    shown = " ".join(expressions(dashboards))
    groups = yaml.safe_load((root / "deploy" / "prometheus" / "alerts.rules.yml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) > 10
    for rule in rules:
        about = named_in(rule["expr"]) | set(re.findall(r"\w+:\w+:\w+", rule["expr"]))
        assert about or "up{" in rule["expr"] or rule["alert"] == "Watchdog", rule["alert"]
        assert [name for name in about if name not in shown] == [], rule["alert"]
    assert "up{" in shown


def test_each_panel_has_its_place_its_unit_and_the_datasource_by_variable(
    dashboards: dict[str, dict[str, Any]],
) -> None:
    for name, dashboard in dashboards.items():
        taken: set[tuple[int, int]] = set()
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert len(set(ids)) == len(ids)
        assert [variable["name"] for variable in dashboard["templating"]["list"]] == ["datasource"]
        for panel in dashboard["panels"]:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
            assert not cells & taken, f"{name}: {panel['title']} lies upon another"
            assert at["x"] + at["w"] <= 24
            taken |= cells
        for panel in graphs(dashboard):
            assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
            assert panel["title"] and panel["targets"]  # noqa: PT018  (one rule)
            sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
            assert {source["uid"] for source in sources} == {"${datasource}"}


def test_what_is_provisioned_is_what_compose_mounts(root: Path, services: dict[str, str]) -> None:
    folder = root / "deploy" / "grafana" / "provisioning"
    [provider] = yaml.safe_load((folder / "dashboards" / "whatsinvoice.yaml").read_text())["providers"]
    source, traces = yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in services["grafana"]
    assert "./deploy/grafana/provisioning:/etc/grafana/provisioning:ro" in services["grafana"]
    assert source["url"] == "http://prometheus:9090"
    [link] = source["jsonData"]["exemplarTraceIdDestinations"]
    assert link["name"] in telemetry_labels()
    assert link["datasourceUid"] == traces["uid"]
    for setting in (traces["type"], traces["url"]):
        assert f"{setting.removeprefix('$')}: ${{{setting.removeprefix('$')}:-" in services["grafana"]


def telemetry_labels() -> set[str]:
    """Of an exemplar."""
    telemetry.continue_trace(f"00-{'a' * 32}-{'b' * 16}-01")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(telemetry, "_tracing", object())
        return set(telemetry.exemplar() or ())
