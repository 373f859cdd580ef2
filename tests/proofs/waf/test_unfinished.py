"""F11: what unfinished bodies of all strangers together may hold at the firewall is bounded."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from support.waf import waf
from whatsinvoice_local.backing.ports import free_port

if TYPE_CHECKING:
    from proofs.waf.conftest import Firewall

MIB = 2**20
TMP_BYTES = 64 * MIB
"""What /tmp may hold in the smaller of the two places, compose."""
STRANGERS = 50


@pytest.fixture
def place(firewall: "Firewall", tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """Return port and folder of a firewall that no other test has used."""
    port = free_port()
    with waf(tmp_path / "waf", port, firewall.upstream.port):
        yield port, tmp_path / "waf"


def unfinished(port: int, path: str, size: int, sent: int, address: str) -> socket.socket:
    """Send a body but for its end, for as long as the firewall reads it."""
    stranger = socket.create_connection(("127.0.0.1", port), timeout=2)
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {address}\r\nContent-Type: application/json\r\n"
    with suppress(OSError):  # refused, and closed while it was still sending
        stranger.sendall(f"{head}Content-Length: {size}\r\n\r\n".encode() + b"x" * sent)
    return stranger


@contextmanager
def strangers(port: int, path: str, size: int, sent: int, count: int = STRANGERS) -> Iterator[None]:
    with ExitStack() as opened:
        for number in range(count):
            opened.enter_context(unfinished(port, path, size, sent, f"203.0.113.{number}"))
        yield


def held(folder: Path) -> int:
    """Return the bytes that nginx keeps in files, once they no longer grow."""
    before, now = -1, _held(folder)
    while now != before:
        time.sleep(0.3)
        before, now = now, _held(folder)
    return now


def _held(folder: Path) -> int:
    """Return the bytes in files that nginx has open; it removes their names at once."""
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() != folder:
                continue
            files = [file for file in (process / "fd").iterdir() if "waf-body" in str(file.readlink())]
            total += sum(file.stat().st_size for file in files)
        except OSError:  # a process that ends while it is looked at
            continue
    return total


@pytest.mark.parametrize(
    ("path", "size"),
    [("/webhooks/whatsapp", 3 * MIB - 9), ("/v1/invoices", MIB - 9), ("/webhooks/whatsapp", 200 * 1024)],
)
def test_f11_unfinished_bodies_of_many_strangers_hold_a_bounded_sum(
    place: tuple[int, Path], figure: Callable[[str], None], path: str, size: int
) -> None:
    port, folder = place
    with strangers(port, path, size, size - 100):
        sum_of_all = held(folder)
        figure(f"{STRANGERS} unfinished {path} of {size / MIB:.1f} MiB: {sum_of_all / MIB:.0f} MiB in files")
        assert sum_of_all < TMP_BYTES / 2
        answer = httpx.post(f"http://127.0.0.1:{port}/webhooks/whatsapp", json={"a": 1}, trust_env=False, timeout=10)
        assert answer.text == "through", "a webhook of common size arrives meanwhile"


def test_f11_all_kinds_at_once_fit_into_the_place(place: tuple[int, Path], figure: Callable[[str], None]) -> None:
    port, folder = place
    with (
        strangers(port, "/webhooks/whatsapp", 3 * MIB - 9, 3 * MIB - 100),
        strangers(port, "/v1/invoices", MIB - 9, MIB - 100),
        strangers(port, "/v1/invoices", 250 * 1024, 249 * 1024, count=150),
        strangers(port, "/v1/invoices", 15 * 1024, 14 * 1024, count=200),
    ):
        sum_of_all = held(folder)
        figure(f"all kinds at once: {sum_of_all / MIB:.0f} MiB in files")
        assert sum_of_all < TMP_BYTES


def test_f11_one_address_takes_a_part_of_the_places_only(place: tuple[int, Path]) -> None:
    port, _ = place
    with ExitStack() as opened:
        for _ in range(STRANGERS):
            opened.enter_context(unfinished(port, "/webhooks/whatsapp", 3 * MIB - 9, MIB, "203.0.113.7"))
        large = b'{"text": "' + b"x" * 2 * MIB + b'"}'
        headers = {"X-Forwarded-For": "198.51.100.8", "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{port}/webhooks/whatsapp"
        assert httpx.post(url, content=large, headers=headers, trust_env=False, timeout=10).text == "through"


def test_f11_what_finds_no_place_is_told_to_come_again(place: tuple[int, Path]) -> None:
    port, _ = place
    with strangers(port, "/webhooks/whatsapp", 3 * MIB - 9, MIB):
        url, body = f"http://127.0.0.1:{port}/webhooks/whatsapp", b"x" * 2 * MIB
        answer = httpx.post(url, content=body, trust_env=False, timeout=10)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (429, "RATE_LIMITED", "1")


def test_f11_a_body_of_unsaid_length_counts_as_large(place: tuple[int, Path]) -> None:
    port, folder = place
    head = b"POST /webhooks/whatsapp HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with ExitStack() as opened:
        for _ in range(STRANGERS):
            stranger = opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=2))
            with suppress(OSError):
                stranger.sendall(head + b"200000\r\n" + b"x" * 2 * MIB + b"\r\n")
        assert held(folder) < TMP_BYTES / 2
