"""The page of the API's documentation: swagger-ui from the package fastapi-offline, served from our own origin."""

from collections.abc import Awaitable, Callable
from importlib.resources import files

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.responses import Response

PATH = "/docs"
ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon.png": "image/png",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>WhatsInvoice API</title>
<link rel="icon" href="/docs/favicon.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true, layout: "BaseLayout",
  presets: [SwaggerUIBundle.presets.apis], validatorUrl: null,
});
"""
_CACHED = {"Cache-Control": "public, max-age=86400"}


def install(app: FastAPI) -> None:
    """Add the page, its script and the files of swagger-ui."""
    folder = files("fastapi_offline").joinpath("static")
    contents = {name: (folder.joinpath(name).read_bytes(), kind) for name, kind in ASSETS.items()}
    contents["start.js"] = (_START.encode(), "text/javascript")

    async def page() -> Response:
        return HTMLResponse(_PAGE)

    app.add_api_route(PATH, page, include_in_schema=False)
    for name, (content, kind) in contents.items():
        app.add_api_route(f"{PATH}/{name}", _serving(content, kind), include_in_schema=False)


def _serving(content: bytes, kind: str) -> Callable[[], Awaitable[Response]]:
    async def served() -> Response:
        return Response(content, headers=_CACHED, media_type=kind)

    return served
