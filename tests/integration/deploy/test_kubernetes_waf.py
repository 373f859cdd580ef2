"""The firewall where Kubernetes puts it: it tells kubelet that it is alive, gateway or not."""

from pathlib import Path

import httpx
import pytest
from support.waf import MISSING, is_there, waf
from whatsinvoice_local.backing.ports import free_port


def test_the_firewall_is_alive_without_a_gateway(root: Path, tmp_path: Path) -> None:
    if not is_there():
        pytest.skip(MISSING)
    place = (root / "deploy" / "kubernetes" / "components" / "waf" / "place.conf").read_text()
    listen, alive, nobody = free_port(), free_port(), free_port()
    place = place.replace("gateway-web:80", f"127.0.0.1:{nobody}").replace("listen 8081", f"listen 127.0.0.1:{alive}")
    with waf(tmp_path / "waf", listen, nobody, place=place) as url:
        assert httpx.get(f"{url}/livez").is_server_error, "to everybody else it is a path of the gateway"
        assert httpx.get(f"http://127.0.0.1:{alive}/livez").status_code == 200
        assert httpx.get(f"http://127.0.0.1:{alive}/v1/invoices").status_code == 404
