"""Fixtures for tests across services: keys in files, and a phone."""

from support.key_fixtures import key_files, keyring, phone

__all__ = ["key_files", "keyring", "phone"]
