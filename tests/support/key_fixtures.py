"""Keys in files, and who uses them."""

import secrets
from pathlib import Path

import pytest

from support.keys import Keyring
from support.system import KeyFiles


@pytest.fixture
def keyring() -> Keyring:
    """Fresh keys, since these tests change them."""
    return Keyring()


@pytest.fixture
def key_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keyring: Keyring) -> KeyFiles:
    """Their files; what is started in this test finds them."""
    files = KeyFiles(tmp_path)
    files.write(keyring)
    for name, value in files.environment().items():
        monkeypatch.setenv(name, value)
    return files


@pytest.fixture
def phone() -> str:
    """A Nigerian mobile number that no other test uses."""
    return f"+23480{secrets.randbelow(90_000_000) + 10_000_000}"
