"""F28, F34: NUL, control characters, lone surrogates, extremes and unknown parameters on every route of the table."""

import httpx
from support.extremes import Tally, address, attack, operations
from support.http import keyed

OPERATIONS = list(operations())
READS_ANY_QUERY = {"public", "providers"}
LINES = [{"description": "a", "unit_price_minor": 100}]


async def test_f28_no_value_makes_a_route_fail(gateway: httpx.AsyncClient, owner: dict[str, str]) -> None:
    body = {"customer": {"name": "Ngozi"}, "lines": LINES}
    invoice = (await gateway.post("/v1/invoices", json=body, headers=owner)).json()
    ids, tally = {"invoice_id": invoice["id"], "customer_id": invoice["customer"]["id"]}, Tally()
    for operation in OPERATIONS:
        if operation.path != "/v1/auth/logout":
            await attack(gateway, operation, owner, ids, tally)
    assert tally.failures == []
    assert tally.requests > 1_000
    assert tally.accepted > 20, "the requests reach the services"


async def test_f34_an_unknown_query_parameter_is_refused(gateway: httpx.AsyncClient, owner: dict[str, str]) -> None:
    tried = 0
    for operation in OPERATIONS:
        if READS_ANY_QUERY & operation.tags:
            continue
        target = f"{address(operation.path, {})}?surprise=1"
        headers = keyed(owner) | {"Content-Type": "application/json"}
        answer = await gateway.request(operation.method, target, headers=headers, content=b"{}")
        assert answer.status_code == 422, (operation, answer.text)
        assert "surprise" in {error["field"] for error in answer.json()["errors"]}, operation
        tried += 1
    assert tried > 40


async def test_f34_a_public_page_ignores_parameters_of_others(gateway: httpx.AsyncClient) -> None:
    answer = await gateway.get("/i/nobody?utm_source=whatsapp&reference=%00")
    assert (answer.status_code, answer.headers["content-type"][:9]) == (404, "text/html")


async def test_f28_a_path_that_no_id_has_the_form_of_is_not_found(
    gateway: httpx.AsyncClient, owner: dict[str, str]
) -> None:
    tried = 0
    for operation in OPERATIONS:
        if "{" not in operation.path or READS_ANY_QUERY & operation.tags:
            continue
        headers = keyed(owner) | {"Content-Type": "application/json"}
        target = address(operation.path, {}, "inv_%00")
        answer = await gateway.request(operation.method, target, headers=headers, content=b"{}")
        assert answer.status_code == 404, (operation, answer.text)
        tried += 1
    assert tried > 20


async def test_f28_the_last_day_of_the_calendar_with_terms_is_refused(
    gateway: httpx.AsyncClient, owner: dict[str, str]
) -> None:
    body = {"customer": {"name": "Ngozi"}, "lines": LINES, "issue_date": "9999-12-31", "terms_days": 30}
    answer = await gateway.post("/v1/invoices", json=body, headers=owner)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "issue_date")


async def test_f28_a_link_with_nul_is_a_page_that_leads_nowhere(gateway: httpx.AsyncClient) -> None:
    for page in ("/i/%00", "/r/a%00b"):
        answer = await gateway.get(page)
        assert (answer.status_code, answer.headers["content-type"][:9]) == (404, "text/html"), page
        document = await gateway.get(f"{page}/pdf")
        assert (document.status_code, document.json()["code"]) == (404, "LINK_NOT_FOUND"), page


async def test_f34_a_form_in_place_of_json_is_refused_in_words_of_its_type(
    gateway: httpx.AsyncClient, owner: dict[str, str]
) -> None:
    answer = await gateway.post("/v1/invoices", data={"customer": "Jane"}, headers=owner)
    assert (answer.status_code, answer.json()["code"]) == (415, "CONTENT_TYPE_UNSUPPORTED")
    assert answer.json()["detail"] == "this route takes application/json, not application/x-www-form-urlencoded"
