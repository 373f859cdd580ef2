"""Fixtures for proofs on whole stacks, and for keys in files."""

from support.key_fixtures import key_files, phone
from support.stack_fixtures import new_module_stack, new_stack, pytest_terminal_summary, stack, stories

__all__ = ["key_files", "new_module_stack", "new_stack", "phone", "pytest_terminal_summary", "stack", "stories"]
