"""One Dockerfile for every service, and the rules it keeps."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PARTS = ("auth", "invoices", "payments", "notifications", "gateway", "sandbox", "backup")


def _stages(dockerfile: str) -> dict[str, tuple[str, str]]:
    """Stage -> what it starts from and its lines; the last one, which has no name, as the empty text."""
    parts = re.split(r"^FROM (\S+)(?: AS (\S+))?\n?", dockerfile, flags=re.MULTILINE)[1:]
    return {name or "": (base, lines) for base, name, lines in zip(parts[::3], parts[1::3], parts[2::3], strict=True)}


def _lines_down_to(dockerfile: str, stage: str) -> str:
    stages, found = _stages(dockerfile), ""
    while stage in stages:
        base, lines = stages[stage]
        found, stage = lines + found, base
    return found


def test_a_base_has_a_tag_and_it_is_not_latest(dockerfile: str) -> None:
    stages = _stages(dockerfile)
    bases = {base for base, _ in stages.values() if base not in stages and base != "${SERVICE}"}
    assert bases == {"python:3.11-slim-bookworm"}


def test_what_is_built_is_the_stage_of_the_service(dockerfile: str) -> None:
    assert _stages(dockerfile)[""][0] == "${SERVICE}"


@pytest.mark.parametrize("part", PARTS)
def test_an_image_runs_its_one_module_without_root_or_shell(dockerfile: str, part: str) -> None:
    lines = _lines_down_to(dockerfile, part)
    assert re.findall(r"^USER (.*)$", lines, re.MULTILINE) == ["10001:10001"]
    assert re.findall(r"^ENTRYPOINT (.*)$", lines, re.MULTILINE) == [f'["python", "-m", "whatsinvoice_{part}"]']
    assert re.findall(r"^STOPSIGNAL (.*)$", lines, re.MULTILINE) == ["SIGTERM"]
    assert re.search(r"^HEALTHCHECK .*CMD \[\"python\", ", lines, re.MULTILINE)
    assert re.search(r"^EXPOSE \d+", lines, re.MULTILINE)
    assert "org.opencontainers.image.title" in lines


def test_every_service_has_a_stage(root: Path, dockerfile: str) -> None:
    folders = {path.name for path in (root / "services").iterdir() if path.is_dir()}
    assert folders | {"gateway", "sandbox", "backup"} == set(PARTS) <= set(_stages(dockerfile))


def test_every_install_checks_hashes(dockerfile: str) -> None:
    installs = re.findall(r"pip install [^&\n]*", dockerfile)
    assert len(installs) == 3
    assert all("--require-hashes" in command for command in installs)


def test_the_image_itself_installs_nothing(dockerfile: str) -> None:
    lines = _lines_down_to(dockerfile, "image")
    assert not re.search(r"pip install|apt-get|uv |COPY (?!--from=environment)", lines)


def test_no_buildkit_is_needed(dockerfile: str, root: Path) -> None:
    assert not re.search(r"RUN --|COPY --(?:chmod|link|parents)|<<\w", dockerfile)
    assert "# syntax=" not in (root / "deploy" / "Dockerfile").read_text()


def test_only_named_folders_reach_a_build(root: Path) -> None:
    lines = [line for line in (root / ".dockerignore").read_text().splitlines() if not line.startswith("#")]
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == {
        "requirements.lock", "protos", "libs", "gateway", "sandbox", "services", "deploy/backup",
    }  # fmt: skip


@pytest.mark.parametrize("file", ["deploy/Dockerfile", "deploy/waf/Dockerfile"])
def test_hadolint_has_nothing_to_say(root: Path, file: str) -> None:
    command = [str(Path(sys.prefix) / "bin" / "hadolint"), file]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_shellcheck_has_nothing_to_say_of_our_scripts(root: Path) -> None:
    scripts = [root / ".ci" / "run", *sorted((root / "deploy").rglob("*.sh"))]
    command = [str(Path(sys.prefix) / "bin" / "shellcheck"), *map(str, scripts)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_backups_have_the_client_of_the_server_that_is_shipped(root: Path, dockerfile: str, compose: str) -> None:
    """Programs.require refuses another major version."""
    [major] = re.findall(r"^ARG POSTGRES_MAJOR=(\d+)$", dockerfile, re.MULTILINE)
    assert re.findall(r"image: postgres:(\d+)-", compose) == [major]
    for file in ("state/postgres/cluster.yaml", "state/postgres/back-to.yaml"):
        assert re.findall(r"postgresql:(\d+)\.", (root / "deploy" / "kubernetes" / file).read_text()) == [major]
    stages = _stages(dockerfile)
    for stage in ("postgres-client", "backup"):
        assert "ARG POSTGRES_MAJOR\n" in stages[stage][1]
        assert not re.search(r"postgresql\S*15", stages[stage][1])
