"""F30: the page of the API's documentation loads nothing from elsewhere."""

import re

import httpx


async def test_f30_the_docs_load_nothing_from_elsewhere(gateway: httpx.AsyncClient) -> None:
    page = await gateway.get("/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "//" not in page.text
    found = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(found) == 4
    for path in found:
        asset = await gateway.get(path)
        assert asset.status_code == 200, path
        assert len(asset.content) > 100, path
        assert asset.headers["x-content-type-options"] == "nosniff"


async def test_f30_the_policy_of_the_docs_names_no_third_party(gateway: httpx.AsyncClient) -> None:
    policy = (await gateway.get("/docs")).headers["content-security-policy"]
    sources = {source for part in policy.split("; ") for source in part.split()[1:]}
    assert sources == {"'none'", "'self'", "'unsafe-inline'", "data:"}
    assert "script-src 'self';" in policy


async def test_f30_the_start_script_shows_our_own_document(gateway: httpx.AsyncClient) -> None:
    script = (await gateway.get("/docs/start.js")).text
    assert 'url: "/openapi.json"' in script
    assert (await gateway.get("/openapi.json")).json()["info"]["title"] == "WhatsInvoice"
