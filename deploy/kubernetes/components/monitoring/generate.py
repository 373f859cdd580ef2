# ruff: noqa: INP001  (a script)
"""Writes rules.yaml and routes.yaml beside it: what compose's Prometheus and Alertmanager read, for their operator.

Rules, routes and receivers are said once, in deploy/prometheus and deploy/alertmanager.yml. Run `make rules` after a
change.
"""

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
DEPLOY = FOLDER.parents[2]
ADDRESSES = "alerts"
"""The Secret with the addresses that Alertmanager posts to; secrets.yaml makes it."""
NAMESPACE = "of-the-overlay"
"""Stands where an overlay's `replacements` write its own: the operator routes only alerts that have it as a label."""
FROM_SECRET = {"api_url_file": "apiURL", "url_file": "urlSecret"}
"""What Alertmanager reads from files, and the operator from a Secret."""
DEFINED = re.compile(r'\{\{-? define "([^"]+)" -?\}\}(.*?)\{\{-? end -?\}\}(?=\s*(?:\{\{-? define|\Z))', re.DOTALL)
USED = re.compile(r'\{\{ template "([^"]+)" \. \}\}')
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"(.*)"')


def document(kind: str, version: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """An object of the Prometheus operator."""
    metadata = {"name": name, "labels": {"app.kubernetes.io/part-of": "whatsinvoice"}}
    return {"apiVersion": f"monitoring.coreos.com/{version}", "kind": kind, "metadata": metadata, "spec": dict(spec)}


def rules(deploy: Path) -> list[dict[str, Any]]:
    """A PrometheusRule for each file of rules."""
    found = []
    for file in sorted((deploy / "prometheus").glob("*.rules.yml")):
        groups = yaml.safe_load(file.read_text())["groups"]
        for alert in (rule for group in groups for rule in group["rules"] if "alert" in rule):
            alert["labels"] = {**alert.get("labels", {}), "namespace": NAMESPACE}
        name = f"whatsinvoice-{file.name.partition('.')[0]}"
        found.append(document("PrometheusRule", "v1", name, {"groups": groups}))
    return found


def routes(deploy: Path) -> dict[str, Any]:
    """An AlertmanagerConfig; ValueError when the file says what only a whole Alertmanager can be told."""
    said = yaml.safe_load((deploy / "alertmanager.yml").read_text())
    if more := said.keys() - {"route", "receivers", "inhibit_rules", "templates"}:
        raise ValueError(f"an AlertmanagerConfig has no {', '.join(sorted(more))}")
    texts = templates(deploy)
    spec = {
        "route": _route(said["route"]),
        "receivers": [_translated(receiver, texts) for receiver in said["receivers"]],
        "inhibitRules": [_inhibition(rule) for rule in said.get("inhibit_rules", ())],
    }
    return document("AlertmanagerConfig", "v1alpha1", "whatsinvoice", spec)


def templates(deploy: Path) -> dict[str, str]:
    """Name -> text. An AlertmanagerConfig brings no files of them, so that they stand where they are used."""
    text = "".join(file.read_text() for file in sorted(deploy.glob("*.tmpl")))
    return {name: body.strip() for name, body in DEFINED.findall(text)}


def _route(said: Mapping[str, Any]) -> dict[str, Any]:
    route = {_camel(key): value for key, value in said.items()}
    if "matchers" in route:
        route["matchers"] = _matchers(route["matchers"])
    if "routes" in route:
        route["routes"] = [_route(inner) for inner in route["routes"]]
    return route


def _inhibition(said: Mapping[str, Any]) -> dict[str, Any]:
    rule = {key: _matchers(said[f"{key[:6]}_matchers"]) for key in ("sourceMatch", "targetMatch")}
    return {**rule, "equal": said["equal"]} if "equal" in said else dict(rule)


def _matchers(said: Iterable[str]) -> list[dict[str, str]]:
    found = []
    for text in said:
        matched = MATCHER.fullmatch(text.strip())
        if matched is None:
            raise ValueError(f'a matcher is name="value", not {text}')
        found.append({"name": matched[1], "matchType": matched[2], "value": matched[3]})
    return found


def _translated(said: Any, texts: Mapping[str, str]) -> Any:
    if isinstance(said, list):
        return [_translated(item, texts) for item in said]
    if isinstance(said, str):
        return USED.sub(lambda used: texts[used[1]], said)
    if not isinstance(said, dict):
        return said
    translated = {}
    for key, value in said.items():
        if key in FROM_SECRET:
            translated[FROM_SECRET[key]] = {"name": ADDRESSES, "key": Path(value).name}
        elif key.endswith("_file"):
            raise ValueError(f"which field of the operator takes the place of {key}?")
        else:
            translated[_camel(key)] = _translated(value, texts)
    return translated


def _camel(key: str) -> str:
    first, *others = key.split("_")
    return first + "".join("URL" if word == "url" else word.capitalize() for word in others)


def written(documents: Iterable[dict[str, Any]]) -> str:
    """The text of a file."""
    text = yaml.safe_dump_all(documents, sort_keys=False, width=120, allow_unicode=True)
    return f"# Written by generate.py (make rules); change what it reads.\n{text}"


def files(deploy: Path = DEPLOY) -> dict[str, str]:
    """Name -> text."""
    return {"rules.yaml": written(rules(deploy)), "routes.yaml": written([routes(deploy)])}


def main() -> None:
    for name, text in files().items():
        (FOLDER / name).write_text(text)
        sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main()
