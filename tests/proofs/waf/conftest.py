"""The firewall of deploy/waf before a server that notes what reaches it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.upstream import Upstream, upstream
from support.waf import MISSING, is_there, waf
from whatsinvoice_local.backing.ports import free_port


@dataclass
class Firewall:
    url: str
    port: int
    log: Path
    upstream: Upstream


@pytest.fixture(scope="session")
def firewall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firewall]:
    if not is_there():
        pytest.skip(MISSING)
    folder, port = tmp_path_factory.mktemp("waf"), free_port()
    with upstream() as server, waf(folder, port, server.port) as url:
        yield Firewall(url, port, folder / "waf.log", server)
