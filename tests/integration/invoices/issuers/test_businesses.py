"""What invoices keeps of a business follows what auth tells, in the order of its versions."""

from typing import Any

from support.builders import an_invoice
from support.keys import Keyring
from support.sample import eventually
from support.services import bearer, publish
from whatsinvoice.auth.v1.auth_pb2 import Business
from whatsinvoice.auth.v1.events_pb2 import BusinessChanged
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.invoices.v1.invoices_pb2_grpc import InvoicesServiceStub
from whatsinvoice_kit.core.ids import new_id


def changed(business_id: str, name: str, currency: str, version: int) -> BusinessChanged:
    return BusinessChanged(
        event_id=new_id("evt"),
        business_id=business_id,
        aggregate_id=business_id,
        aggregate_version=version,
        business=Business(id=business_id, name=name, country="NG", currency_code=currency, time_zone="Africa/Lagos"),
    )


async def test_a_renamed_business_has_its_new_name_on_the_pay_page_and_its_new_currency_on_new_invoices(
    invoices: InvoicesServiceStub, merchant: Any, redis_url: str, keyring: Keyring
) -> None:
    newest = changed(merchant.business_id, "Ada & Daughters", "USD", 3)
    late = changed(merchant.business_id, "Ada and Co", "GHS", 2)
    await publish(redis_url, "whatsinvoice.auth.v1", newest, late)

    async def made() -> pb.Invoice:
        return (await invoices.CreateInvoice(an_invoice(issue=True), metadata=merchant.metadata)).invoice

    async def in_dollars() -> bool:
        return (await made()).currency_code == "USD"

    await eventually(in_dollars)
    invoice = await made()
    request = pb.GetPublicInvoiceRequest(token=invoice.public_url.rpartition("/")[2])
    gateway = bearer(keyring.service_token("gateway", "invoices"))
    assert (await invoices.GetPublicInvoice(request, metadata=gateway)).business_name == "Ada & Daughters"
    assert invoice.currency_code == "USD"
