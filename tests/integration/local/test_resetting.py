"""`make reset` removes what a stack keeps and nothing else; a broken file of ports is a sentence."""

import subprocess
import sys
from pathlib import Path

import pytest
from whatsinvoice_local.backing import BackingError
from whatsinvoice_local.backing.ports import known_ports
from whatsinvoice_local.resetting import reset
from whatsinvoice_local.stack import Stack


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    """Return a stack that was up once, whose files of ports are broken."""
    stack = Stack(tmp_path / ".run", given={}, preferred={}, say=lambda _: None)
    stack.state.make_homes()
    stack.state.secrets()
    for file in (stack.state.folder / "ports.json", stack.state.home("seaweedfs") / "ports.json"):
        file.write_text("{broken")
    return stack


def test_f41_reset_removes_the_state_and_says_so(stack: Stack) -> None:
    lines = list(reset(stack))
    assert lines[0] == "the stack was down"
    assert all(name in lines[1] for name in ("parts", "logs", "ports.json", "secrets.json"))
    assert not stack.state.folder.exists()
    assert list(reset(stack)) == [f"nothing to remove: {stack.state.folder} is not there"]


def test_f41_reset_keeps_what_the_stack_has_not_made(stack: Stack) -> None:
    notes, secret = stack.state.folder / "notes.txt", stack.state.folder / "secrets" / "paystack"
    secret.parent.mkdir()
    for file in (notes, secret):
        file.write_text("mine")
    lines = list(reset(stack))
    assert lines[2:] == [
        f"kept {notes}: not made by the stack",
        f"kept {secret.parent}: the secrets of the containers",
    ]
    assert (notes.read_text(), secret.read_text()) == ("mine", "mine")
    assert not (stack.state.folder / "parts").exists()


@pytest.mark.parametrize("command", ["up", "demo"])
def test_f41_a_broken_file_of_ports_is_a_sentence_with_its_repair(stack: Stack, command: str) -> None:
    words = [sys.executable, "-m", "whatsinvoice_local", "--folder", str(stack.state.folder), command]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert f"{stack.state.folder}/ports.json is broken. Repair: run `make down`" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"gateway": "8080"}', '{"gateway": true}'])
def test_f41_ports_are_names_and_numbers(tmp_path: Path, text: str) -> None:
    (tmp_path / "ports.json").write_text(text)
    with pytest.raises(BackingError, match="Repair:"):
        known_ports(tmp_path / "ports.json")
