"""On Kubernetes: the same rules and routes as in compose, written for the Prometheus operator."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from integration.deploy.test_kubernetes import OVERLAYS
from proofs.deploy.test_prometheus import run
from support.debian import tool


@pytest.fixture(scope="module")
def generator(root: Path) -> ModuleType:
    file = root / "deploy" / "kubernetes" / "components" / "monitoring" / "generate.py"
    spec = importlib.util.spec_from_file_location("generate_rules", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def of(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [found for found in objects if found["kind"] == kind]


def test_the_files_are_what_the_generator_writes(generator: ModuleType, root: Path) -> None:
    folder = root / "deploy" / "kubernetes" / "components" / "monitoring"
    for name, text in generator.files().items():
        assert (folder / name).read_text() == text, f"{name}: make rules"


@pytest.mark.parametrize("folder", OVERLAYS)
def test_every_rule_is_there_and_its_alert_finds_its_way(render: Any, root: Path, tmp_path: Path, folder: str) -> None:
    groups = [group for rule in of(render(folder), "PrometheusRule") for group in rule["spec"]["groups"]]
    rules = [rule for group in groups for rule in group["rules"]]
    said = [
        rule
        for file in (root / "deploy" / "prometheus").glob("*.rules.yml")
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
    ]
    assert sorted(rule["expr"] for rule in rules) == sorted(rule["expr"] for rule in said)
    [routes] = of(render(folder), "AlertmanagerConfig")
    alerts = [rule for rule in rules if "alert" in rule]
    assert len(alerts) > 20
    assert {rule["labels"]["namespace"] for rule in alerts} == {routes["metadata"]["namespace"]}
    (tmp_path / "all.rules.yml").write_text(yaml.safe_dump({"groups": groups}))
    run(tool("promtool"), "check", "rules", "all.rules.yml", folder=tmp_path)


@pytest.mark.parametrize("folder", OVERLAYS)
def test_alerts_are_told_where_a_secret_says(render: Any, root: Path, folder: str) -> None:
    objects = render(folder)
    [routes] = of(objects, "AlertmanagerConfig")
    said = yaml.safe_load((root / "deploy" / "alertmanager.yml").read_text())
    names = [receiver["name"] for receiver in said["receivers"]]
    assert [receiver["name"] for receiver in routes["spec"]["receivers"]] == names
    to = [
        settings
        for receiver in routes["spec"]["receivers"]
        for kind in receiver
        if kind != "name"
        for settings in receiver[kind]
    ]
    refers = [value for settings in to for value in settings.values() if isinstance(value, dict) and "key" in value]
    assert len(refers) == len(to)
    assert {value["name"] for value in refers} <= {found["metadata"]["name"] for found in of(objects, "ExternalSecret")}


def test_what_files_of_templates_say_stands_where_it_is_used(generator: ModuleType, tmp_path: Path) -> None:
    receiver = {
        "name": "all",
        "slack_configs": [{"api_url_file": "/run/secrets/a", "text": '{{ template "ours.text" . }}'}],
    }
    said = {"templates": ["/etc/*.tmpl"], "route": {"receiver": "all"}, "receivers": [receiver]}
    (tmp_path / "alertmanager.yml").write_text(yaml.safe_dump(said))
    (tmp_path / "alertmanager.tmpl").write_text(
        """{{/* Said of a group. */}}
{{ define "ours.title" -}}
{{ if eq .Status "firing" }}it burns{{ else }}over{{ end }}
{{- end }}

{{ define "ours.text" -}}
{{ range .Alerts -}}
{{ .Annotations.summary }}
{{ end }}
{{- end }}
"""
    )
    [found] = generator.routes(tmp_path)["spec"]["receivers"]
    [slack] = found["slackConfigs"]
    assert slack["text"] == "{{ range .Alerts -}}\n{{ .Annotations.summary }}\n{{ end }}"
    assert generator.templates(tmp_path)["ours.title"] == '{{ if eq .Status "firing" }}it burns{{ else }}over{{ end }}'
    (tmp_path / "alertmanager.tmpl").unlink()
    with pytest.raises(KeyError, match="ours"):
        generator.routes(tmp_path)


def test_what_has_no_translation_is_refused(generator: ModuleType, tmp_path: Path) -> None:
    said: dict[str, Any] = {
        "route": {
            "receiver": "all",
            "group_by": ["alertname"],
            "routes": [{"matchers": ['a!~"b|c"'], "receiver": "all"}],
        },
        "receivers": [
            {"name": "all", "webhook_configs": [{"url_file": "/run/secrets/alive_url", "send_resolved": False}]}
        ],
        "inhibit_rules": [{"source_matchers": ['a="1"'], "target_matchers": ['b=~"2"'], "equal": ["service"]}],
    }

    def spec(**changed: Any) -> dict[str, Any]:
        (tmp_path / "alertmanager.yml").write_text(yaml.safe_dump(said | changed))
        found: dict[str, Any] = generator.routes(tmp_path)["spec"]
        return found

    assert spec() == {
        "route": {
            "receiver": "all",
            "groupBy": ["alertname"],
            "routes": [{"matchers": [{"name": "a", "matchType": "!~", "value": "b|c"}], "receiver": "all"}],
        },
        "receivers": [
            {
                "name": "all",
                "webhookConfigs": [{"urlSecret": {"name": "alerts", "key": "alive_url"}, "sendResolved": False}],
            }
        ],
        "inhibitRules": [
            {
                "sourceMatch": [{"name": "a", "matchType": "=", "value": "1"}],
                "targetMatch": [{"name": "b", "matchType": "=~", "value": "2"}],
                "equal": ["service"],
            }
        ],
    }
    with pytest.raises(ValueError, match="time_intervals"):
        spec(time_intervals=[{"name": "nights"}])
    with pytest.raises(ValueError, match="token_file"):
        spec(receivers=[{"name": "all", "other_configs": [{"token_file": "/run/secrets/token"}]}])
    with pytest.raises(ValueError, match="a matcher"):
        spec(route={"receiver": "all", "matchers": ["a=b"]})


def test_targets_have_the_labels_that_rules_know_from_compose(render: Any, root: Path) -> None:
    [monitor] = of(render("overlays/production"), "PodMonitor")
    [endpoint] = monitor["spec"]["podMetricsEndpoints"]
    given = {relabeling["targetLabel"]: relabeling for relabeling in endpoint["relabelings"]}
    [job] = [
        found
        for found in yaml.safe_load((root / "deploy" / "prometheus.yml").read_text())["scrape_configs"]
        if found["job_name"] == "whatsinvoice"
    ]
    assert given["job"]["replacement"] == "whatsinvoice"
    assert {label for targets in job["static_configs"] for label in targets["labels"]} <= given.keys()
