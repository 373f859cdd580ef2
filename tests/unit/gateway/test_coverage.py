"""No RPC that people may use is without a route."""

import re
from pathlib import Path

import whatsinvoice_gateway
from whatsinvoice.auth.v1 import auth_pb2
from whatsinvoice.invoices.v1 import invoices_pb2
from whatsinvoice.notifications.v1 import notifications_pb2
from whatsinvoice.payments.v1 import payments_pb2

SOURCES = Path(whatsinvoice_gateway.__file__).parent
BETWEEN_SERVICES = {
    "invoices.GetPayable",
    "invoices.GetEvidence",
    "invoices.ListRecordedPayments",
    "invoices.AuditInvoices",
    "auth.GetCode",
    "auth.ClaimVerification",
}


def test_every_rpc_has_a_route_or_is_between_services() -> None:
    modules = (auth_pb2, invoices_pb2, notifications_pb2, payments_pb2)
    offered = {
        f"{service.full_name.split('.')[1]}.{rpc}"
        for module in modules
        for service in module.DESCRIPTOR.services_by_name.values()
        for rpc in service.methods_by_name
    }
    text = "".join(file.read_text() for file in SOURCES.rglob("*.py"))
    asked = {".".join(found) for found in re.findall(r"(auth|invoices|payments|notifications)\.([A-Z]\w+)\b", text)}
    print(f"{len(offered)} RPCs, {len(offered & asked)} asked by the gateway")  # noqa: T201  (a figure to be read)
    assert offered - asked == BETWEEN_SERVICES
