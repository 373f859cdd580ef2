"""Fixtures for keys in files."""

from support.key_fixtures import key_files, phone

__all__ = ["key_files", "phone"]
