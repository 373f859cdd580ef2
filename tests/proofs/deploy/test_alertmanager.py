"""Prometheus and Alertmanager as compose runs them, before a chat that is ours: what somebody who is woken reads."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import yaml
from support.debian import DEBIAN, tool
from whatsinvoice_local.backing.ports import free_port

PAGES = "https://git.example/whatsinvoice/blob/main"
SECONDS = 60.0


class Chat(ThreadingHTTPServer):
    """Takes what is posted: path and body."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Poster)
        self.told: list[tuple[str, dict[str, Any]]] = []

    def heard(self, path: str, title: str) -> dict[str, Any] | None:
        """The first attachment that was posted there under a title that begins so."""
        found = (body["attachments"][0] for where, body in list(self.told) if where == path)
        return next((attachment for attachment in found if attachment["title"].startswith(title)), None)


class _Poster(BaseHTTPRequestHandler):
    server: Chat

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.told.append((self.path, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def chat() -> Iterator[Chat]:
    with Chat() as chat:
        Thread(target=chat.serve_forever, daemon=True).start()
        yield chat
        chat.shutdown()


def options(services: dict[str, str], name: str, *which: str) -> list[str]:
    """Those of its options in compose that matter here."""
    found = re.findall(r"^ +- (--\S+)$", services[name], re.MULTILINE)
    return [option for option in found if option.startswith(which)]


@contextmanager
def running(name: str, command: list[str], folder: Path, **environment: str) -> Iterator[None]:
    log = folder / f"{name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **environment})
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


def until(truth: Callable[[], object], what: Callable[[], object]) -> None:
    ends = time.monotonic() + SECONDS
    while not truth():
        assert time.monotonic() < ends, what()
        time.sleep(0.1)


def alertmanager_program() -> list[str]:
    """Debian's looks for its own templates where its package would be installed: it is shown that place as unpacked."""
    program = tool("prometheus-alertmanager")
    if not program.startswith(str(DEBIAN)):
        return [program]
    within = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    shown = f'mount --bind "{DEBIAN}/usr/share" /usr/share'
    if subprocess.run([*within, shown], capture_output=True, check=False).returncode:
        pytest.skip("no mount of one's own here: install Debian's prometheus-alertmanager")
    return [*within, f'{shown} && exec "$0" "$@"', program]


@pytest.fixture
def watching(root: Path, tmp_path: Path, chat: Chat, services: dict[str, str]) -> Iterator[str]:
    """Both, on the real files, but for where others are and that nothing waits. Gives Alertmanager's address."""
    deploy, port = root / "deploy", free_port()
    for name in ("pages", "tickets", "watchdog"):
        (tmp_path / f"alert_{name}_url").write_text(f"http://127.0.0.1:{chat.server_port}/{name}")
    routes = re.sub(r"\bgroup_(wait|interval): \w+", r"group_\1: 1s", (deploy / "alertmanager.yml").read_text())
    routes = routes.replace("repeat_interval: 5m", "repeat_interval: 2s")
    routes = routes.replace("/etc/alertmanager/*.tmpl", str(deploy / "alertmanager.tmpl"))
    (tmp_path / "alertmanager.yml").write_text(routes.replace("/run/secrets", str(tmp_path)))
    for file in (deploy / "prometheus").glob("*.rules.yml"):
        (tmp_path / file.name).write_text(re.sub(r"\bfor: \w+", "for: 1s", file.read_text()))
    config = yaml.safe_load((deploy / "prometheus.yml").read_text())
    config["global"] |= {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(tmp_path / "*.rules.yml")]
    config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{port}"]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    alertmanager = [
        *alertmanager_program(),
        *options(services, "alertmanager", "--cluster"),
        f"--config.file={tmp_path}/alertmanager.yml",
        f"--storage.path={tmp_path}/alerts",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    prometheus = [
        tool("prometheus"),
        *options(services, "prometheus", "--enable-feature"),
        "--rules.alert.resend-delay=1s",  # what it tells before the other listens is lost, and said again
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{free_port()}",
    ]
    with (
        running("alertmanager", alertmanager, tmp_path),
        running("prometheus", prometheus, tmp_path, RUNBOOKS_URL=PAGES),
    ):
        yield f"http://127.0.0.1:{port}"


def test_who_is_woken_reads_what_is_wrong_and_where_it_says_what_to_do(watching: str, chat: Chat) -> None:
    """None of the processes of compose is there."""
    until(lambda: chat.heard("/pages", "page: ScrapeFailing of gateway"), lambda: chat.told)
    page = chat.heard("/pages", "page: ScrapeFailing of gateway")
    assert page is not None
    said, link = page["text"].splitlines()
    assert said == "gateway at gateway:9090 does not answer where its metrics are"
    assert link == f"{PAGES}/docs/runbooks/deploy.md"
    assert chat.heard("/pages", "page: ScrapeFailing of backup") is None, "without its profile nobody misses it"
    alive = [httpx.get(f"{watching}{path}", trust_env=False).status_code for path in ("/-/ready", "/metrics")]
    assert alive == [200, 200]


def test_the_watchdog_goes_to_its_own_address_again_and_again_and_nowhere_else(watching: str, chat: Chat) -> None:
    until(
        lambda: [path for path, _ in chat.told].count("/watchdog") >= 3,
        lambda: ([path for path, _ in chat.told], watching),
    )
    others = [body for path, body in chat.told if path != "/watchdog"]
    assert "Watchdog" not in json.dumps(others)
    assert chat.heard("/watchdog", "Watchdog")
