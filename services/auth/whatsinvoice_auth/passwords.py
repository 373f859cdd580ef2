"""Password hashes: argon2id, in a few threads of their own, so that guessing cannot hold up the service."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""OWASP's parameters for argon2id: 19 MiB, two passes."""


COMMON = frozenset((Path(__file__).parent / "common_passwords.txt").read_text().split())
"""In lower case, without the digits and signs that people put at the ends."""


class Passwords:
    """Hashes and checks passwords; at most so many at a time."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._of_nobody = HASHER.hash("a password that nobody has")

    async def hash(self, password: str) -> str:
        """An argon2id hash with its parameters and salt."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, HASHER.hash, password)

    async def matches(self, password: str, kept: str | None) -> bool:
        """Whether the password is the kept one; with none, as slow as ever and False."""
        found = await asyncio.get_running_loop().run_in_executor(
            self._pool, _matches, kept or self._of_nobody, password
        )
        return found and bool(kept)

    @staticmethod
    def outdated(kept: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return HASHER.check_needs_rehash(kept)

    async def close(self) -> None:
        """Ends the threads."""
        self._pool.shutdown(wait=False)


def _matches(kept: str, password: str) -> bool:
    try:
        return HASHER.verify(kept, password)
    except VerifyMismatchError:
        return False
