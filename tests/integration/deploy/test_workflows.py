"""The repository's automation: valid to GitHub's schemas, safe to zizmor, its commands clean to shellcheck."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from support.root import ROOT

BIN = Path(sys.prefix) / "bin"
FOLDER = ROOT / ".github"
WORKFLOWS = sorted((FOLDER / "workflows").glob("*.yml"))


def said(*command: str | Path, text: str = "") -> str:
    """Empty when the linter has nothing to say."""
    result = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return "" if result.returncode == 0 else result.stdout + result.stderr


def commands() -> Iterator[tuple[str, str]]:
    for file in WORKFLOWS:
        for job, steps in yaml.safe_load(file.read_text())["jobs"].items():
            for number, step in enumerate(steps["steps"]):
                if "run" in step:
                    yield f"{file.stem}/{job}/{number}", step["run"]


def test_each_task_has_its_workflow() -> None:
    assert [file.stem for file in WORKFLOWS] == ["dependencies", "images", "release", "test"]


def test_github_accepts_them() -> None:
    check = BIN / "check-jsonschema"
    assert said(check, "--builtin-schema", "vendor.github-workflows", *WORKFLOWS) == ""
    assert said(check, "--builtin-schema", "vendor.dependabot", FOLDER / "dependabot.yml") == ""


def test_the_schema_refuses_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "wrong.yml").write_text("on: push\njobs: {test: {run-on: x}}\n")
    assert said(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", tmp_path / "wrong.yml") != ""


def test_zizmor_finds_nothing() -> None:
    """Unpinned actions, credentials that stay, templates in commands, rights that are too wide."""
    assert said(BIN / "zizmor", "--offline", "--no-progress", "--quiet", FOLDER) == ""


@pytest.mark.parametrize(("where", "text"), list(commands()), ids=lambda value: value if "/" in value[:40] else "")
def test_shellcheck_has_nothing_to_say(where: str, text: str) -> None:
    assert said(BIN / "shellcheck", "--shell=bash", "--severity=style", "-", text=text) == "", where


def test_f30_a_job_that_may_write_runs_nothing_of_others() -> None:
    """What resolves, builds or tests runs code of packages; the release builds what its own lock names."""
    writing = []
    for file in WORKFLOWS:
        workflow = yaml.safe_load(file.read_text())
        for name, job in workflow["jobs"].items():
            rights = job.get("permissions", workflow["permissions"])
            if "write" in rights.values():
                writing.append(f"{file.stem}/{name}")
                run = "\n".join(step.get("run", "") for step in job["steps"])
                assert "make " not in run, name
                assert not {"uv", "pip", "python", "npm"} & set(run.split()), name
    assert writing == ["dependencies/request", "release/release"]


def test_every_make_target_and_folder_exists(root: Path) -> None:
    targets = {line.split(":")[0] for line in (root / "Makefile").read_text().splitlines() if ":" in line}
    for where, text in commands():
        for line in text.splitlines():
            if line.strip().startswith("make "):
                assert line.split()[1] in targets, where
    released = yaml.safe_load((FOLDER / "workflows" / "release.yml").read_text())
    [images] = [step["run"] for step in released["jobs"]["release"]["steps"] if step.get("name") == "Images"]
    built = set(images.partition("for service in ")[2].partition(";")[0].split())
    services = {path.name for path in (root / "services").iterdir() if path.is_dir()}
    assert {*services, "gateway"} <= built
