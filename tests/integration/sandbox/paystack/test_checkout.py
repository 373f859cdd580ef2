"""The checkout page without JavaScript: every test card, transfer, USSD, cancelling."""

import pytest
from support.sandbox_stage import Stage

CALLBACK = "https://shop.example/i/tok?from=paystack"
RETURN = f"{CALLBACK}&trxref=01k3abc.1&reference=01k3abc.1"


async def opened(stage: Stage, **fields: object) -> str:
    data = await stage.initialize(callback_url=CALLBACK, **fields)
    return str(data["authorization_url"])


async def test_the_page_shows_the_amount_and_every_way_to_pay(stage: Stage) -> None:
    page = await stage.http.get(await opened(stage))
    assert page.status_code == 200
    for words in ("₦75,000.00", "4084 0840 8408 4081", "Bank transfer", "USSD", "Cancel", "width=device-width"):
        assert words in page.text
    assert "<script" not in page.text


@pytest.mark.parametrize(
    ("choice", "channel"),
    [
        ({"channel": "card", "card": "4084084084084081"}, "card"),
        ({"channel": "card", "card": "507850785078507812", "pin": "1111"}, "card"),
        ({"channel": "card", "card": "5060666666666666666", "pin": "1234", "otp": "123456"}, "card"),
        ({"channel": "card", "card": "4084080000671803"}, "card"),
        ({"channel": "card", "card": "4084080000671902"}, "card"),
        ({"channel": "bank_transfer"}, "bank_transfer"),
        ({"channel": "ussd"}, "ussd"),
    ],
)
async def test_a_payment_that_succeeds_returns_to_the_merchant(
    stage: Stage, choice: dict[str, str], channel: str
) -> None:
    answer = await stage.http.post(await opened(stage), data=choice)
    assert (answer.status_code, answer.headers["location"]) == (303, RETURN)
    data = await stage.verify()
    assert (data["status"], data["channel"]) == ("success", channel)


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ({"channel": "card", "card": "4084080000005408"}, "Declined"),
        ({"channel": "card", "card": "4084080000670037"}, "Insufficient Funds"),
        ({"channel": "card", "card": "507850785078507812", "pin": "9999"}, "Declined"),
    ],
)
async def test_a_payment_that_fails_says_why_and_may_be_tried_again(
    stage: Stage, choice: dict[str, str], reason: str
) -> None:
    url = await opened(stage)
    page = await stage.http.post(url, data=choice)
    assert (page.status_code, reason in page.text) == (200, True)
    assert (await stage.verify())["status"] == "failed"
    assert (await stage.http.post(url, data={"card": "4084084084084081"})).status_code == 303


async def test_a_card_with_pin_and_code_asks_for_one_after_the_other(stage: Stage) -> None:
    url = await opened(stage)
    card = {"channel": "card", "card": "5060666666666666666"}
    assert 'name="pin"' in (await stage.http.post(url, data=card)).text
    assert (await stage.verify())["status"] == "ongoing"
    assert 'name="otp"' in (await stage.http.post(url, data=card | {"pin": "1234"})).text


async def test_cancelling_charges_nothing(stage: Stage) -> None:
    answer = await stage.http.post(f"{await opened(stage)}/cancel")
    assert (answer.status_code, answer.headers["location"]) == (303, RETURN)
    assert (await stage.verify())["status"] == "abandoned"


async def test_cancelling_goes_where_the_merchant_asked(stage: Stage) -> None:
    url = await opened(stage, metadata={"cancel_action": "https://shop.example/no"})
    answer = await stage.http.post(f"{url}/cancel")
    assert answer.headers["location"].startswith("https://shop.example/no?trxref=")


async def test_a_paid_checkout_does_not_charge_again(stage: Stage) -> None:
    url = await opened(stage)
    for _ in range(2):
        assert (await stage.http.post(url, data={"channel": "ussd"})).status_code == 303
    assert len((await stage.control("GET", "/ledger")).json()["charges"]) == 1
    assert "Payment received" in (await stage.http.get(url)).text


async def test_only_the_channels_that_were_asked_for_are_offered(stage: Stage) -> None:
    url = await opened(stage, channels=["card"])
    assert "USSD" not in (await stage.http.get(url)).text
    assert (await stage.http.post(url, data={"channel": "ussd"})).status_code == 400


async def test_an_unknown_checkout_is_404(stage: Stage) -> None:
    assert (await stage.http.get("/paystack/checkout/none")).status_code == 404
