"""Alerts on a real stack: a fault is made, and Prometheus with our rules says which. `make faults`.

Two things differ from production: it scrapes each second, and an alert fires after one second of `for`.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from redis import Redis
from support.debian import tool
from whatsinvoice_local.backing.ports import free_port
from whatsinvoice_local.demo.play import STEPS
from whatsinvoice_local.demo.story import Story
from whatsinvoice_local.demo.web import answer, client, form_to
from whatsinvoice_local.stack import Stack

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
TARGETS = 9
"""The gateway, and api and worker of each service."""
SECONDS = 60.0


@dataclass(frozen=True)
class Watch:
    """Prometheus over one stack."""

    stack: Stack
    url: str

    def firing(self) -> set[str]:
        said = httpx.get(f"{self.url}/api/v1/alerts", trust_env=False).raise_for_status().json()["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in said if alert["state"] == "firing"} - {"Watchdog"}

    def until(self, name: str, act: Callable[[], object] = lambda: None) -> float:
        """Seconds until the alert fires; `act` is done again and again meanwhile."""
        started = time.monotonic()
        while name not in self.firing():
            assert time.monotonic() - started < SECONDS, f"{name} does not fire; firing: {self.firing()}"
            act()
            time.sleep(0.3)
        return time.monotonic() - started


def _configured(folder: Path, root: Path, env: dict[str, str]) -> Path:
    for file in (root / "deploy" / "prometheus").glob("*.rules.yml"):
        (folder / file.name).write_text(re.sub(r"\bfor: \w+", "for: 1s", file.read_text()))
    real = yaml.safe_load((root / "deploy" / "prometheus.yml").read_text())
    [job] = [job for job in real["scrape_configs"] if job["job_name"] == "whatsinvoice"]
    places = [  # here one process of a service is its api and its worker
        place | {"targets": [env[f"{place['labels']['service'].upper()}_OPS_URL"].removeprefix("http://")]}
        for place in job["static_configs"]
    ]
    config: dict[str, Any] = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / "*.rules.yml")],
        "scrape_configs": [job | {"static_configs": places}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    return folder / "prometheus.yml"


@pytest.fixture
def watch(new_stack: Callable[..., Stack], root: Path, tmp_path: Path) -> Iterator[Watch]:
    prometheus = tool("prometheus")
    stack = new_stack()
    assert stack.up()
    config, port = _configured(tmp_path, root, stack.state.env), free_port()
    command = [prometheus, f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}"]
    with (tmp_path / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
    try:
        found = Watch(stack, f"http://127.0.0.1:{port}")
        deadline = time.monotonic() + SECONDS
        while not _ready(found.url):
            assert time.monotonic() < deadline, (tmp_path / "prometheus.log").read_text()[-3000:]
            time.sleep(0.2)
        yield found
    finally:
        process.terminate()
        process.wait(timeout=30)


def _ready(url: str) -> bool:
    try:
        scraped = httpx.get(f"{url}/api/v1/query", params={"query": "sum(up)"}, trust_env=False)
    except httpx.HTTPError:
        return False
    if not scraped.is_success:
        return False
    result = scraped.json()["data"]["result"]
    return bool(result) and result[0]["value"][1] == str(TARGETS)


@pytest.fixture
def told(watch: Watch) -> Iterator[Callable[[], Story]]:
    """Tells stories until Jane has the pay page before her."""
    env = watch.stack.state.env
    with ExitStack() as opened:

        def tell() -> Story:
            story = Story(env["GATEWAY_URL"], env["SANDBOX_URL"], watch.stack.state.folder / "demo")
            opened.callback(story.close)
            for step in takewhile(lambda step: step.act is not Story.pay, STEPS):
                story.deadline = time.monotonic() + 3 * step.seconds
                step.act(story)
            return story

        yield tell


def _pay(story: Story) -> None:
    assert story.pay_page is not None
    form = form_to(story.pay_page, "/pay")
    with client() as browser:
        checkout_url = answer(browser.post(form.action, data=form.fields), 303).headers["Location"]
        checkout = answer(browser.get(checkout_url), 200)
        card = form_to(checkout, checkout_url.rpartition("/")[2])
        answer(browser.post(card.action, data=card.fields | {"card": "4084084084084081"}), 303)


def test_a_fault_is_told_by_its_alert_and_nothing_is_told_without(
    watch: Watch, told: Callable[[], Story], figure: Callable[[str], None]
) -> None:
    env, gateway = watch.stack.state.env, watch.stack.state.env["GATEWAY_URL"]
    taken: dict[str, float] = {}
    story = told()
    time.sleep(5)
    assert watch.firing() == set(), "a message, an invoice and its document are no fault"

    def unsigned() -> None:
        httpx.post(f"{gateway}/webhooks/paystack", json={}, headers={"X-Paystack-Signature": "00"}, trust_env=False)

    taken["WebhooksRefused"] = watch.until("WebhooksRefused", unsigned)

    lie = {"provider": "paystack", "call": "webhook", "fault": "lie", "field": "amount"}
    story.sandbox.put("/_control/faults", json=[lie]).raise_for_status()
    _pay(story)
    taken["MoneyQuarantined"] = watch.until("MoneyQuarantined")

    down = {"provider": "paystack", "call": "initialize", "fault": "http_5xx"}
    story.sandbox.put("/_control/faults", json=[down]).raise_for_status()
    other = told()
    assert other.pay_page is not None
    form = form_to(other.pay_page, "/pay")
    with client() as browser:
        taken["PaystackFailing"] = watch.until(
            "PaystackFailing", lambda: browser.post(form.action, data=form.fields, timeout=30)
        )
    story.sandbox.put("/_control/faults", json=[]).raise_for_status()

    with Redis.from_url(env["REDIS_URL"]) as redis:
        redis.xadd("whatsinvoice.invoices.v1", {"no": "event"})
    taken["EventsDeadLettered"] = watch.until("EventsDeadLettered")

    assert not watch.firing() & {"ScrapeFailing", "CircuitOpen"}
    os.kill(int(env["AUTH_PID"]), signal.SIGKILL)
    taken["ScrapeFailing"] = watch.until("ScrapeFailing")

    def ask() -> None:
        body = {"phone": "+2348030000009", "password": "Wrong1234"}
        httpx.post(f"{gateway}/v1/auth/login", json=body, trust_env=False, timeout=30)

    taken["CircuitOpen"] = watch.until("CircuitOpen", ask)
    figure("; ".join(f"{name} after {seconds:.1f} s" for name, seconds in taken.items()))
