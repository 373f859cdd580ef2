"""How a backend says that it cannot be read, and which addresses it may be read from."""

from urllib.parse import SplitResult, urlsplit

_THIS_MACHINE = {"127.0.0.1", "::1", "localhost"}


class SecretsUnavailableError(Exception):
    """Nothing can be read. Its arguments are `backend: reason` sentences, and none of them holds a secret."""


def fault_of_address(name: str, address: str) -> str:
    """What is wrong with the variable `name` that holds a backend's address; empty when nothing is.

    Plain HTTP is taken to this very machine alone, where an agent may stand beside the process.
    """
    try:
        parts = split_address(address)
    except ValueError:
        return f"{name} is no address"
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _THIS_MACHINE):
        return ""
    return f"{name} is not https"


def split_address(address: str) -> SplitResult:
    """Scheme, host and port; raises ValueError for anything without a host or with a port that is none."""
    parts = urlsplit(address)
    if not parts.hostname or parts.port == 0:
        raise ValueError("no host or port")
    return parts
