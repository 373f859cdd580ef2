"""Good requests, to be changed where a test says so."""

from typing import Any

from whatsinvoice.auth.v1 import auth_pb2 as pb
from whatsinvoice.auth.v1.events_pb2 import BusinessRegistered
from whatsinvoice.invoices.v1 import invoices_pb2 as invoices
from whatsinvoice.payments.v1.events_pb2 import PaymentReversed, PaymentSucceeded
from whatsinvoice.payments.v1.payments_pb2 import Payment
from whatsinvoice_kit.core.ids import new_id


def a_registration(phone: str, **changes: str) -> pb.RegisterRequest:
    """A good one."""
    values = {"phone": phone, "name": "Ada Obi", "password": "Passw0rdly", "business_name": "Ada Designs"}
    return pb.RegisterRequest(**(values | changes))


def an_invoice(**changes: Any) -> invoices.CreateInvoiceRequest:
    """Jane's logo: one line of 75,000.00 naira, due in a week."""
    values: dict[str, Any] = {
        "customer": {"name": "Jane Okafor", "phone": "08012345678", "email": "jane@example.com"},
        "lines": [{"description": "logo design", "quantity": "1", "unit_price_minor": 7_500_000}],
        "terms_days": 7,
    }
    return invoices.CreateInvoiceRequest(**(values | changes))


def a_business_registered(business_id: str, **changes: Any) -> BusinessRegistered:
    """Ada Designs of Lagos."""
    business = {
        "id": business_id,
        "name": "Ada Designs",
        "country": "NG",
        "currency_code": "NGN",
        "time_zone": "Africa/Lagos",
    }
    return BusinessRegistered(
        event_id=new_id("evt"),
        business_id=business_id,
        aggregate_id=business_id,
        aggregate_version=1,
        business=pb.Business(**(business | changes)),
        owner=pb.User(id=new_id("usr"), phone="+2348030000001", name="Ada Obi"),
    )


def a_payment_succeeded(business_id: str, invoice_id: str, amount_minor: int, **changes: Any) -> PaymentSucceeded:
    """A card payment captured just now."""
    event = PaymentSucceeded(event_id=new_id("evt"), business_id=business_id, aggregate_version=2)
    payment = event.payment
    payment.id = payment_id = new_id("pay")
    event.aggregate_id = payment_id
    payment.invoice_id = invoice_id
    payment.amount.amount_minor = amount_minor
    payment.amount.currency_code = "NGN"
    payment.channel = "card"
    payment.provider = "paystack"
    payment.reference = f"{invoice_id.removeprefix('inv_')}.1"
    payment.paid_time.GetCurrentTime()
    payment.MergeFrom(Payment(**changes))
    return event


def a_payment_reversed(
    told: PaymentSucceeded, amount_minor: int, cause_id: str = "", **changes: Any
) -> PaymentReversed:
    """A payment that succeeded and of which the provider took some back; `reopen=False`: the merchant refunded it."""
    values: dict[str, Any] = {"cause": "reversal", "reopen": True} | changes
    event = PaymentReversed(
        event_id=new_id("evt"),
        business_id=told.business_id,
        aggregate_id=told.payment.id,
        aggregate_version=3,
        payment=told.payment,
        amount_minor=amount_minor,
        cause_id=cause_id or new_id("ref"),
        **values,
    )
    event.occur_time.GetCurrentTime()
    return event
