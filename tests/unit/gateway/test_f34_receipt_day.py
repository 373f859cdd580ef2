"""F34: the receipt page shows the day on which the payment came in the business's time zone, as its PDF does."""

from datetime import UTC, datetime

import pytest
from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice_gateway.pages.render import Pages


@pytest.mark.parametrize(
    ("zone", "day"), [("Africa/Lagos", "2027-01-01"), ("America/New_York", "2026-12-31"), ("", "2026-12-31")]
)
def test_f34_a_receipt_shows_the_day_of_the_business(zone: str, day: str) -> None:
    receipt = pb.Receipt(number="RCP-000001", amount=common_pb2.Money(currency_code="NGN", amount_minor=100))
    receipt.paid_time.FromDatetime(datetime(2026, 12, 31, 23, 30, tzinfo=UTC))
    found = pb.GetPublicReceiptResponse(business_name="Ada", receipt=receipt, time_zone=zone)
    text = bytes(Pages("https://checkout.paystack.com").receipt(found).body).decode()
    shown = {one for one in ("2026-12-31", "2027-01-01") if one in text}
    assert shown == {day}
