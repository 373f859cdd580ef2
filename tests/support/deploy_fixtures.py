"""The files of the container images, as text: what a build or a registry would refuse, or should, without either."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from support.root import ROOT


class _AsGoReads(yaml.SafeLoader):
    """To kubectl and kustomize a bare `=` is a text like others."""


_AsGoReads.add_constructor("tag:yaml.org,2002:value", lambda _loader, node: str(node.value))


@pytest.fixture(scope="session")
def dockerfile() -> str:
    """With continued lines joined and comments left out."""
    text = (ROOT / "deploy" / "Dockerfile").read_text()
    return re.sub(r"\\\n\s*", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))


@pytest.fixture(scope="session")
def compose() -> str:
    return (ROOT / "docker-compose.yaml").read_text()


@pytest.fixture(scope="session")
def services(compose: str) -> dict[str, str]:
    """Name -> its lines."""
    section = re.split(r"^(?=\S)", compose.partition("\nservices:\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    parts = re.split(r"^  ([\w-]+):.*\n", section, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.fixture(scope="session")
def make_secrets() -> Callable[[Path], None]:
    """deploy/make_secrets.py, told where to write."""
    spec = importlib.util.spec_from_file_location("make_secrets", ROOT / "deploy" / "make_secrets.py")
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    main: Callable[[Path], None] = module.main
    return main


@pytest.fixture(scope="session")
def kubectl() -> str:
    found = Path(sys.prefix) / "bin" / "kubectl"
    path = str(found) if found.exists() else shutil.which("kubectl")
    if path is None:
        pytest.skip("no kubectl: `make kubectl` fetches the locked one")
    return path


@pytest.fixture(scope="session")
def render(kubectl: str, root: Path) -> Any:
    """Folder under deploy/kubernetes, or any other -> its objects."""
    rendered: dict[str | Path, list[dict[str, Any]]] = {}

    def of(folder: str | Path) -> list[dict[str, Any]]:
        if folder not in rendered:
            command = [kubectl, "kustomize", str(root / "deploy" / "kubernetes" / folder)]
            text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            rendered[folder] = list(yaml.load_all(text, _AsGoReads))
        return rendered[folder]

    return of


@pytest.fixture
def overlay(render: Any, root: Path, tmp_path: Path) -> Any:
    """A team's own kustomization on top of ours, in a folder of its own -> its objects."""

    def of(kustomization: dict[str, Any]) -> list[dict[str, Any]]:
        base = os.path.relpath(root / "deploy" / "kubernetes", tmp_path)
        text = yaml.safe_dump(kustomization).replace("deploy/kubernetes", base)
        (tmp_path / "kustomization.yaml").write_text(text)
        found: list[dict[str, Any]] = render(tmp_path)
        return found

    return of
