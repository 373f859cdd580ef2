"""Composition root of invoices."""

from whatsinvoice.invoices.v1 import invoices_pb2, invoices_pb2_grpc
from whatsinvoice_kit.command import main
from whatsinvoice_kit.data.daily_limits import DailyLimit
from whatsinvoice_kit.data.jobs import Job
from whatsinvoice_kit.runtime import Kit, Parts, ServiceSpec

from whatsinvoice_invoices.consumers import subscriptions
from whatsinvoice_invoices.links import Links
from whatsinvoice_invoices.models import DAILY_COUNTS, KIT_TABLES
from whatsinvoice_invoices.service.documents import DocumentsService
from whatsinvoice_invoices.service.invariants import InvariantsService
from whatsinvoice_invoices.service.invoices import InvoicesService
from whatsinvoice_invoices.service.money import MoneyService
from whatsinvoice_invoices.servicer import ACCESS, InvoicesServicer
from whatsinvoice_invoices.settings import Settings


def build(kit: Kit[Settings]) -> Parts:
    settings = kit.settings
    links = Links(settings.public_base_url.rstrip("/"))
    daily = DailyLimit(DAILY_COUNTS, settings.sent_invoices_per_day, "sent invoices")
    service = InvoicesService(links, daily)
    money = MoneyService(service, links)
    invariants = InvariantsService(kit.unit_of_work)
    documents = DocumentsService(settings.object_store(), links, settings.render_threads)
    return Parts(
        register=invoices_pb2_grpc.add_InvoicesServiceServicer_to_server,
        servicer=InvoicesServicer(service, money, documents, kit.unit_of_work, kit.idempotency, links),
        descriptor=invoices_pb2.DESCRIPTOR.services_by_name["InvoicesService"],
        access=ACCESS,
        subscriptions=subscriptions(money),
        jobs=(Job("invoices.invariants", invariants.work, settings.invariants_seconds, single=True),),
        closing=(documents.close,),
    )


SPEC = ServiceSpec("invoices", Settings, KIT_TABLES, build)

if __name__ == "__main__":
    main(SPEC)
