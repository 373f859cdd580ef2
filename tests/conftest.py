"""What every test can use: the checkout, and a list of figures that a run prints at its end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.root import ROOT

_SHARED_FOLDERS = ("tests/e2e", "tests/integration/ops")
"""Folders whose files share a fixture that is expensive to make, so that one worker runs them all."""
_SERVERS = pytest.StashKey[Any]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a new xdist worker its place in the servers of this run. Unit tests need none."""
    paths = [Path(argument.partition("::")[0]).resolve() for argument in node.config.args]
    if all(path.is_relative_to(ROOT / "tests" / "unit") for path in paths):
        return
    from support.servers import Servers  # noqa: PLC0415  (costs a second, which unit tests need not spend)

    node.workerinput["worker_place"] = node.config.stash.setdefault(_SERVERS, Servers()).place()


def pytest_unconfigure(config: pytest.Config) -> None:
    if servers := config.stash.get(_SERVERS, None):
        servers.stop()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of one file, or of one shared folder, on one worker, whichever order they run in.

    The marks of `--dist loadgroup` do nothing with this pytest: xdist 3.8 writes them where pytest 9.2 does not read.
    """
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # noqa: PLC0415  (only for a run with xdist)

    class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]  # the library has no types
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            folder = file.rpartition("/")[0]
            return folder if folder in _SHARED_FOLDERS else file

    return GroupScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run whole stacks first, so that no worker is left alone with them at the end."""
    items.sort(key=lambda item: "e2e" not in item.path.parts)


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Take what a test has measured or counted. All of it is printed at the end of the run."""
    return lambda text: record_property("figure", text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for group in terminalreporter.stats.values() for report in group]
    lines = [
        f"{report.nodeid}: {text}"
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, text in report.user_properties
        if name == "figure"
    ]
    if lines:
        terminalreporter.section("figures")
        terminalreporter.write_line("\n".join(lines))


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT
