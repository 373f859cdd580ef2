"""A forked process that runs tests on a mutant. The mutant lives in its memory, so the files never change."""

import gc
import importlib.util
import os
import resource
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

import hypothesis
import pytest

OURS = ("whatsinvoice", "support", "tests", "proofs", "conftest", "grpc")
"""Modules that each child imports itself: ours, and grpc, whose threads do not outlive a fork."""


class _Loader(SourceFileLoader):
    def __init__(self, fullname: str, path: str, source: str) -> None:
        super().__init__(fullname, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, self.path, "exec")


class Finder:
    """Gives the mutant's text for its module, and leaves every other module to the usual finders."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self._name = name
        self._path = path
        self._source = source

    def find_spec(self, name: str, path: object = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != self._name:
            return None
        loader = _Loader(name, str(self._path), self._source)
        return importlib.util.spec_from_file_location(name, self._path, loader=loader)


class Settings:
    """A pytest plugin: the servers that are up, and Hypothesis without chance and without a search for small cases."""

    def __init__(self, place: dict[str, str] | None) -> None:
        self._place = place

    def pytest_configure(self, config: pytest.Config) -> None:
        if self._place:
            vars(config)["workerinput"] = {"worker_place": self._place}
        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        hypothesis.settings.register_profile(
            "mutants", derandomize=True, database=None, phases=phases, max_examples=25, deadline=None
        )
        hypothesis.settings.load_profile("mutants")


def run(tests: Sequence[str], place: dict[str, str] | None, folder: Path, finder: Finder | None, seconds: int) -> None:
    """Run the tests and end this process with pytest's exit code; more CPU than `seconds` ends it too."""
    os.setpgid(0, 0)
    gc.freeze()  # what was imported before the fork stays, so no collection has to look at it
    with (folder / "output.txt").open("wb") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    if finder:
        sys.meta_path.insert(0, finder)
    options = ["-x", "-q", "-p", "no:cacheprovider", "--timeout", "60", "--basetemp", str(folder / "tests")]
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]  # plugins are imported before the fork
    code = pytest.main([*options, *tests], plugins=[Settings(place)])
    names = [name for name in sys.modules if not name.startswith(OURS)]
    (folder / "modules.txt").write_text("\n".join(names))
    sys.stdout.flush()
    os._exit(code)
