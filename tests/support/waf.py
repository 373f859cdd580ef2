"""The web application firewall of deploy/waf, run from Debian's packages without installing them."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from whatsinvoice_local.backing.ports import free_port

from support.debian import DEBIAN
from support.root import ROOT

WAF = ROOT / "deploy" / "waf"
MISSING = "no nginx with ModSecurity: run `make waf` (needs Debian's package lists)"
_PLACE = """\
upstream gateway {{ server 127.0.0.1:{gateway}; keepalive 64; }}
set_real_ip_from 127.0.0.1;
real_ip_header X-Forwarded-For;
map $http_x_forwarded_proto $forwarded_proto {{ https https; default http; }}
"""
_JUDGE = "127.0.0.1:8081"
"""Where the engine listens for the door."""
SECONDS = 20.0


def is_there() -> bool:
    return (DEBIAN / "usr" / "sbin" / "nginx").exists()


def _configured(folder: Path, listen: int, place: str, changes: Mapping[str, str]) -> Path:
    """A copy that stands before this gateway and writes below its own folder."""
    judge = free_port()
    for file in WAF.glob("*.conf"):
        text = file.read_text().replace("/tmp", str(folder)).replace(_JUDGE, f"127.0.0.1:{judge}")  # noqa: S108  (ours: see above)
        (folder / file.name).write_text(text)
    for said, instead in changes.items():
        text = (folder / "nginx.conf").read_text()
        assert said in text
        (folder / "nginx.conf").write_text(text.replace(said, instead))
    (folder / "place.conf").write_text(place)
    (folder / "listen.conf").write_text(f"listen 127.0.0.1:{listen};\n")
    (folder / "modules").symlink_to(DEBIAN / "usr" / "lib" / "nginx" / "modules")
    (folder / "crs").symlink_to(DEBIAN / "usr" / "share" / "modsecurity-crs")
    return folder / "nginx.conf"


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def waf(
    folder: Path, listen: int, gateway: int, changes: Mapping[str, str] = MappingProxyType({}), place: str = ""
) -> Iterator[str]:
    """Its address. `folder` is its own and is made; `changes` are of nginx.conf. This machine may call as Paystack.

    `place` is another place.conf than one for a gateway of this machine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = _configured(folder, listen, place or _PLACE.format(gateway=gateway), changes)
    addresses = folder / "addresses.conf"
    addresses.write_text(addresses.read_text().replace("default 0;", "default 0; 127.0.0.1 1;"))
    libraries = DEBIAN / "usr" / "lib" / "x86_64-linux-gnu"
    account = "user root; " if os.geteuid() == 0 else ""
    command = [
        str(DEBIAN / "usr" / "sbin" / "nginx"),
        "-p",
        str(folder),
        "-c",
        str(config),
        "-g",
        f"{account}daemon off;",
    ]
    with (folder / "waf.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={"LD_LIBRARY_PATH": str(libraries)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + SECONDS
        while not _listens(listen):
            said = (folder / "waf.log").read_text()
            assert process.poll() is None, f"nginx ended:\n{said[-3000:]}"
            assert time.monotonic() < deadline, f"nginx is not ready:\n{said[-3000:]}"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{listen}"
    finally:
        process.terminate()
        process.wait(timeout=SECONDS)
        shutil.rmtree(folder / "modules", ignore_errors=True)
