"""Passwords and keys: generated once into a file only its owner can read."""

import os
import secrets
from pathlib import Path


def write_private(file: Path, text: str) -> None:
    """Write `text` so that no moment exists in which others can read it, and a crash leaves the old content."""
    draft = file.with_name(f".{file.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    draft.replace(file)


def generated_once(file: Path) -> str:
    """Give the secret in `file`, making one of 192 bits at the first call; safe inside a URL."""
    if not file.exists():
        write_private(file, secrets.token_urlsafe(24))
    return file.read_text()
