"""HEAD on public pages: answered as GET, of which the server sends the headers alone."""

from starlette.types import ASGIApp, Receive, Scope, Send

PREFIXES = ("/i/", "/r/", "/verify/", "/.well-known/")


class HeadAsGet:
    """Browsers, messengers and link checkers ask for the headers of a link before they open it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "HEAD" and scope["path"].startswith(PREFIXES):
            scope = {**scope, "method": "GET"}
        await self._app(scope, receive, send)
