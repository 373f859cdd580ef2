"""`make reset`: stop a stack and remove what it keeps, and nothing else."""

import shutil
from collections.abc import Iterator

from whatsinvoice_local.backing import discard_postgres
from whatsinvoice_local.stack import Stack

OWN = (
    "parts",
    "logs",
    "sandbox",
    "keys",
    "certs",
    "env",
    "ports.json",
    "secrets.json",
    "sample.json",
    ".lock",
    "restore-drill.json",
    "bench.json",
    "soak.json",
)
"""What a stack and the targets of make write into its folder, but `secrets`, which containers have in use."""


def reset(stack: Stack) -> Iterator[str]:
    """Stop the stack and remove its state. Yield a line for each thing that was removed or kept."""
    folder = stack.state.folder
    if not folder.exists():
        yield f"nothing to remove: {folder} is not there"
        return
    yield "stopped the stack" if stack.down() else "the stack was down"
    removed = [name for name in OWN if (folder / name).exists()]
    if stack.state.home("postgres").exists():
        discard_postgres(stack.state.home("postgres"))
    for name in removed:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    kept = sorted(path.name for path in folder.iterdir())
    yield f"removed from {folder}: {', '.join(name for name in removed if name != '.lock') or 'nothing'}"
    for name in kept:
        why = "the secrets of the containers" if name == "secrets" else "not made by the stack"
        yield f"kept {folder / name}: {why}"
    if not kept:
        folder.rmdir()
