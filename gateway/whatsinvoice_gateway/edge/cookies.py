"""The refresh token as a cookie, for programs in a browser: a script that was smuggled in cannot read it.

It is asked for by `"cookie": true` in the body of login or refresh, and looked at only by refresh and logout, and only
where neither the body nor the Authorization header brings a token. A stranger's page cannot use it: SameSite=Lax keeps
it from every cross-site POST, the path from all routes but these, and an answer can be read by GATEWAY_CORS_ORIGINS
alone. What a page on a sibling subdomain could still do is to renew the cookie, or to log out; neither is of use to it.
All that changes anything else needs an access token in a header, which no browser adds by itself.
"""

from typing import Annotated

from fastapi import Cookie
from starlette.responses import Response

NAME = "refresh_token"
PATH = "/v1/auth"
SECONDS = 30 * 24 * 3600
"""As long as auth takes a refresh token, counted from the login; a renewed cookie may outlive it, and is refused."""

RefreshCookie = Annotated[
    str, Cookie(alias=NAME, max_length=128, description="Set when login or refresh is asked for it")
]


def keep(response: Response, refresh_token: str) -> Response:
    """The answer with the cookie."""
    response.set_cookie(NAME, refresh_token, SECONDS, path=PATH, secure=True, httponly=True, samesite="lax")
    return response


def forget(response: Response) -> Response:
    """The answer that takes the cookie away."""
    response.delete_cookie(NAME, path=PATH, secure=True, httponly=True, samesite="lax")
    return response
