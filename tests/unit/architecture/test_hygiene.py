"""What no committed file may hold: registry hosts, paths of somebody's machine, secrets."""

import re
from pathlib import Path

# backwards, so that this file does not hold what it looks for
HOSTS = ["gro.ipyp", "gro.detsohnohtyp", "gro.sjmpn.yrtsiger", "gro.naibed.bed", "/oi.rekcod", "oi.rchg", "oi.yauq"]
FOLDERS = ["krow", "mraf", "toor"]
REGISTRIES = re.compile(r"(?<![\w.-])(?:[\w-]+\.)?(?:" + "|".join(re.escape(host[::-1]) for host in HOSTS) + ")")
MACHINE = re.compile(r"(?<![\w.-])/(?:" + "|".join(folder[::-1] for folder in FOLDERS) + r"|home/\w+)/")
SECRETS = re.compile(
    r"sk_live_\w{8,}|AKIA[0-9A-Z]{16}|-----BEGIN (?:EC |RSA )?PRIVATE KEY-----|eyJ[\w-]{20,}\.eyJ[\w-]{20,}\.[\w-]{20,}"
)
BINARY = {".png", ".ttf", ".pdf"}


def _hits(root: Path, tracked: list[Path], pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in tracked:
        if path.suffix in BINARY:
            continue
        for number, line in enumerate((root / path).read_text().splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path}:{number}: {line.strip()[:100]}")
    return found


def test_no_registry_host_is_committed(root: Path, tracked: list[Path]) -> None:
    assert _hits(root, tracked, REGISTRIES) == []


def test_no_path_of_a_machine_is_committed(root: Path, tracked: list[Path]) -> None:
    assert _hits(root, tracked, MACHINE) == []


def test_no_secret_is_committed(root: Path, tracked: list[Path]) -> None:
    assert _hits(root, tracked, SECRETS) == []


def test_the_scans_find_what_they_look_for() -> None:
    assert REGISTRIES.search(f"https://{HOSTS[0][::-1]}/simple")
    assert MACHINE.search(f"open('/{FOLDERS[0][::-1]}/main/x')")
    mode = "live"
    assert SECRETS.search(f"sk_{mode}_0123456789")


def test_the_lock_holds_hashes_and_no_address(root: Path) -> None:
    text = (root / "requirements.lock").read_text()
    pinned = re.findall(r"^[\w.\[\]-]+==", text, re.MULTILINE)
    assert len(pinned) > 50
    assert text.count("--hash=sha256:") >= len(pinned)
    assert "://" not in text


def test_every_silenced_check_has_its_reason(root: Path, tracked: list[Path]) -> None:
    bare = []
    pattern = re.compile(r"#\s*(?:noqa(?::\s*[A-Z0-9, ]+)?|type:\s*ignore(?:\[[\w, -]+\])?)\s*$")
    for path in tracked:
        if path.suffix == ".py":
            lines = (root / path).read_text().splitlines()
            for number, line in enumerate(lines, 1):
                above = lines[number - 2] if number > 1 else ""
                if pattern.search(line) and "# noqa" not in above:
                    bare.append(f"{path}:{number}")
    assert bare == []
