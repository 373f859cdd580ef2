"""The gateway's API by its generated client, and answers that must be a success."""

from typing import TypeVar

import httpx
from whatsinvoice_client import AuthenticatedClient, Client
from whatsinvoice_client.models import Problem

from whatsinvoice_local.demo.failures import MismatchError

_TIMEOUT = httpx.Timeout(20.0)
_NO_PROXY = {"trust_env": False}

Body = TypeVar("Body")


def visitor(url: str) -> Client:
    """Somebody without a session."""
    return Client(url, timeout=_TIMEOUT, httpx_args=_NO_PROXY, raise_on_unexpected_status=True)


def signed_in(url: str, token: str) -> AuthenticatedClient:
    """The owner of an access token."""
    return AuthenticatedClient(url, token, timeout=_TIMEOUT, httpx_args=_NO_PROXY, raise_on_unexpected_status=True)


def body_of(answer: Body | Problem | None) -> Body:
    """The body of a success; raises MismatchError with what the gateway says of anything else."""
    if answer is None or isinstance(answer, Problem):
        said = f"{answer.status} {answer.code}: {answer.detail}" if answer else "nothing"
        raise MismatchError(f"the gateway answered {said}")
    return answer
