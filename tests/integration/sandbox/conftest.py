"""A fresh sandbox for every test."""

from collections.abc import AsyncIterator

import pytest
from support.sandbox_stage import Stage, staged


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with staged() as running:
        yield running
