"""Asking a program of ours whether it is ready: one plain request, cheap enough to be repeated while others start."""

import http.client
from urllib.parse import urlsplit

_SECONDS = 3.0


def says_ok(url: str) -> bool:
    """Tells whether it answers 200; any other answer, or none, is a no."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=_SECONDS)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
