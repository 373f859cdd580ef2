"""Fixtures for payments on real parts, beside one sandbox per worker."""

from pathlib import Path

import pytest
from support.payments.fixtures import apart, backing, door, sandbox_url, service, share_loop_per_module, stage

__all__ = ["apart", "backing", "door", "sandbox_url", "service", "stage"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    share_loop_per_module(items, Path(__file__).parent)
