"""Fixtures for tests across services: all of them in one process, keys in files, and a phone."""

from support.house_fixtures import house
from support.key_fixtures import key_files, keyring, phone

__all__ = ["house", "key_files", "keyring", "phone"]
