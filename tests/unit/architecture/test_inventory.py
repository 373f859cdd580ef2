"""Every service is everywhere it has to be, and calls only whom it may."""

import ast
import importlib
import tomllib
from pathlib import Path

import pytest

SERVICES = ("auth", "invoices", "payments", "notifications")
ALLOWED_CALLS = {
    "auth": set(),
    "invoices": set(),
    "payments": {"invoices"},
    "notifications": {"auth", "invoices", "payments"},
    "gateway": set(SERVICES),
}
"""Synchronous calls form a DAG; all else is an event."""


def test_the_services_are_these(root: Path) -> None:
    assert {path.name for path in (root / "services").iterdir() if path.is_dir()} == set(SERVICES)


def test_every_service_is_in_the_import_rules_the_makefile_and_the_tests(root: Path) -> None:
    settings = tomllib.loads((root / "pyproject.toml").read_text())
    linter = settings["tool"]["importlinter"]
    makefile = (root / "Makefile").read_text()
    for service in SERVICES:
        package = f"whatsinvoice_{service}"
        assert package in linter["root_packages"]
        layers = next(rule for rule in linter["contracts"] if rule["type"] == "layers")
        assert package in layers["containers"]
        assert f"services/{service}" in makefile
        for tier in ("unit", "integration"):
            assert list((root / "tests" / tier / service).rglob("test_*.py"))
        assert (root / "protos" / "whatsinvoice" / service / "v1" / "events.proto").is_file()


def test_every_service_has_the_same_files(root: Path) -> None:
    for service in SERVICES:
        folder = root / "services" / service / f"whatsinvoice_{service}"
        for name in ("settings", "domain", "models", "repository", "service", "events", "servicer"):
            assert (folder / f"{name}.py").is_file() or (folder / name).is_dir(), f"{service} has no {name}"
        assert (folder / "__main__.py").is_file()
        assert (folder / "migrations" / "env.py").is_file()


@pytest.mark.parametrize("service", SERVICES)
def test_the_access_table_names_every_rpc_and_no_other(service: str) -> None:
    pb2 = importlib.import_module(f"whatsinvoice.{service}.v1.{service}_pb2")
    servicer = importlib.import_module(f"whatsinvoice_{service}.servicer")
    declared = set(pb2.DESCRIPTOR.services_by_name[f"{service.title()}Service"].methods_by_name)
    assert set(servicer.ACCESS) == declared


@pytest.mark.parametrize("service", SERVICES)
def test_every_rpc_is_written(service: str) -> None:
    spec = importlib.import_module(f"whatsinvoice_{service}.__main__").SPEC
    pb2 = importlib.import_module(f"whatsinvoice.{service}.v1.{service}_pb2")
    servicer = importlib.import_module(f"whatsinvoice_{service}.servicer")
    written = getattr(servicer, f"{service.title()}Servicer")
    ours = {name for part in written.__mro__ if part.__module__.startswith("whatsinvoice_") for name in vars(part)}
    for rpc in pb2.DESCRIPTOR.services_by_name[f"{service.title()}Service"].methods_by_name:
        assert rpc in ours, f"{spec.name} declares {rpc} and does not serve it"


@pytest.mark.parametrize("caller", sorted(ALLOWED_CALLS))
def test_calls_follow_the_graph(root: Path, caller: str) -> None:
    folder = root / ("gateway" if caller == "gateway" else f"services/{caller}")
    called: set[str] = set()
    texts = (path.read_text() for path in folder.rglob("*.py"))
    for text in (text for text in texts if "ServiceStub" in text):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Attribute | ast.Name):
                name = node.attr if isinstance(node, ast.Attribute) else node.id
                called |= {service for service in SERVICES if name == f"{service.title()}ServiceStub"}
    assert called <= ALLOWED_CALLS[caller]
