"""Docker and compose as commands, for the tests that run the real images."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = "whatsinvoice-test"
TAG = "test"


def run(*command: str, **options: Any) -> str:
    """What a command printed; it must succeed."""
    result = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout[-3000:]}{result.stderr[-3000:]}"
    printed: str = result.stdout
    return printed


@dataclass(frozen=True)
class Compose:
    """The stack under a project name, with ports of its own."""

    root: Path
    environment: dict[str, str]
    files: tuple[str, ...]

    def __call__(self, *words: str) -> str:
        files = [f"--file={name}" for name in self.files]
        profiles = ("--profile", "sandbox", "--profile", "backup")
        command = ("docker", "compose", *profiles, "--project-name", PROJECT, *files, *words)
        return run(*command, cwd=self.root, env=os.environ | self.environment)

    def containers(self) -> list[dict[str, Any]]:
        """`docker inspect` of each that runs, also of those that have done their one thing."""
        ids = run("docker", "ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={PROJECT}").split()
        found: list[dict[str, Any]] = json.loads(run("docker", "inspect", *ids)) if ids else []
        return found

    def left(self) -> list[str]:
        """Containers, volumes and networks of the project."""
        label = f"label=com.docker.compose.project={PROJECT}"
        return [
            found
            for kind in (("ps", "--all"), ("volume", "ls"), ("network", "ls"))
            for found in run("docker", *kind, "--quiet", "--filter", label).split()
        ]
