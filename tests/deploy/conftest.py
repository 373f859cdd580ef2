"""The files of the container images, as text: what a build or a registry would refuse, or should, without either."""

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


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
