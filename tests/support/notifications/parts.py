"""What stands around notifications in its tests: the settings of the sandbox, invoices and auth."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from whatsinvoice.auth.v1 import auth_pb2, auth_pb2_grpc
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.invoices.v1 import invoices_pb2_grpc
from whatsinvoice_invoices.servicer import ACCESS
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import Kind, ServiceError, not_found, precondition
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.core.money import times
from whatsinvoice_kit.rpc.call import current_call
from whatsinvoice_kit.rpc.identity import allow

APP_SECRET = "wa_app_secret"
TOKEN = "EAAG-token-of-the-tests"
NUMBER_ID = "1065"
SANDBOX = {
    "SANDBOX_TIME_SCALE": "0.01",
    "WHATSAPP_APP_SECRET": APP_SECRET,
    "WHATSAPP_ACCESS_TOKEN": TOKEN,
    "WHATSAPP_PHONE_NUMBER_ID": NUMBER_ID,
}
PDF = b"%PDF-1.7 a document of the tests"
SERVICES = allow("notifications")
INVOICES_ACCESS = {
    rpc: ACCESS[rpc] for rpc in ("CreateInvoice", "IssueInvoice", "DeleteInvoice", "GetInvoice", "GetDocument")
}
"""As invoices itself declares it."""

_Servicer: Any = invoices_pb2_grpc.InvoicesServiceServicer


_AuthServicer: Any = auth_pb2_grpc.AuthServiceServicer
AUTH_ACCESS = dict.fromkeys(("GetCode", "ClaimVerification"), SERVICES)
CODE = "482913"


class Auth(_AuthServicer):  # type: ignore[misc]  # two RPCs of many are all that notifications calls
    """Knows the verifications that a test put into it: id -> (phone, tag). `asked` are the ids that were sent."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.known: dict[str, tuple[str, str]] = {}
        self.registered: set[str] = set()
        self.asked: list[str] = []

    async def GetCode(self, request: Any, context: Any) -> Any:  # noqa: N802  (gRPC names it)
        self.asked.append(request.verification_id)
        if request.verification_id not in self.known:
            raise not_found("VERIFICATION_NOT_FOUND", "there is no such request")
        phone, tag = self.known[request.verification_id]
        code = "" if phone in self.registered else CODE
        return auth_pb2.GetCodeResponse(phone=phone, tag=tag, purpose=auth_pb2.PURPOSE_REGISTER, code=code)

    async def ClaimVerification(self, request: Any, context: Any) -> Any:  # noqa: N802  (as above)
        for verification_id, known in self.known.items():
            if known == (request.phone, request.tag):
                expires = Timestamp()
                expires.FromDatetime(now() + timedelta(minutes=5))
                return auth_pb2.ClaimVerificationResponse(verification_id=verification_id, expire_time=expires)
        raise not_found("VERIFICATION_NOT_FOUND", "there is no such request")


class Invoices(_Servicer):  # type: ignore[misc]  # five RPCs of many are all that notifications calls
    """Keeps drafts and issues them, as invoices does, each idempotency key once. `refusal` is raised by the next."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """As at the start."""
        self.by_id: dict[str, pb.Invoice] = {}
        self.business_of: dict[str, str] = {}
        self.answers: dict[tuple[str, str], Any] = {}
        self.created: list[pb.CreateInvoiceRequest] = []
        self.issued = 0
        self.away = False
        self.refusal: ServiceError | None = None

    async def CreateInvoice(self, request: Any, context: Any) -> Any:  # noqa: N802  (gRPC names it)
        self._reach()
        key = self._key()
        if key not in self.answers:
            self.created.append(request)
            self.answers[key] = pb.CreateInvoiceResponse(invoice=self._draft(request))
        return self.answers[key]

    async def IssueInvoice(self, request: Any, context: Any) -> Any:  # noqa: N802  (as above)
        self._reach()
        key = self._key()
        if key not in self.answers:
            invoice = self._own(request.invoice_id)
            if invoice.status != pb.INVOICE_STATUS_DRAFT:
                raise precondition("INVOICE_NOT_DRAFT", "the invoice is not a draft")
            self.issued += 1
            self.issue(invoice)
            self.answers[key] = pb.IssueInvoiceResponse(invoice=invoice)
        return self.answers[key]

    async def GetInvoice(self, request: Any, context: Any) -> Any:  # noqa: N802  (as above)
        self._reach()
        return pb.GetInvoiceResponse(invoice=self._own(request.invoice_id))

    async def DeleteInvoice(self, request: Any, context: Any) -> Any:  # noqa: N802  (as above)
        self._reach()
        if self._own(request.invoice_id).status != pb.INVOICE_STATUS_DRAFT:
            raise precondition("INVOICE_NOT_DRAFT", "the invoice is not a draft")
        del self.by_id[request.invoice_id]
        return pb.DeleteInvoiceResponse()

    async def GetDocument(self, request: Any, context: Any) -> Any:  # noqa: N802  (as above)
        self._reach()
        name = f"{request.invoice_id or request.receipt_id}.pdf"
        return pb.GetDocumentResponse(content=PDF, file_name=name)

    def issue(self, invoice: pb.Invoice) -> None:
        """Gives a draft its number and link."""
        invoice.status = pb.INVOICE_STATUS_OPEN
        invoice.number = f"INV-{len(self.by_id):06}"
        invoice.public_url = f"https://pay.example/i/{new_id('tok')}"
        invoice.version += 1

    def _reach(self) -> None:
        if self.away:
            raise ServiceError(Kind.UNAVAILABLE, "DOWN", "invoices is away")
        if self.refusal:
            refusal, self.refusal = self.refusal, None
            raise refusal

    def _key(self) -> tuple[str, str]:
        call = current_call()
        assert call.idempotency_key
        return call.business_id, call.idempotency_key

    def _own(self, invoice_id: str) -> pb.Invoice:
        if self.business_of.get(invoice_id) != current_call().business_id or invoice_id not in self.by_id:
            raise not_found("INVOICE_NOT_FOUND", "there is no such invoice")
        return self.by_id[invoice_id]

    def _draft(self, request: pb.CreateInvoiceRequest) -> pb.Invoice:
        lines = [
            pb.Line(
                description=line.description,
                quantity=line.quantity,
                unit_price_minor=line.unit_price_minor,
                amount_minor=times(Decimal(line.quantity), line.unit_price_minor),
            )
            for line in request.lines
        ]
        total = sum(line.amount_minor for line in lines)
        invoice = pb.Invoice(
            id=new_id("inv"),
            status=pb.INVOICE_STATUS_DRAFT,
            customer=pb.Customer(id=new_id("cus"), name=request.customer.name, phone=request.customer.phone),
            currency_code=request.currency_code or "NGN",
            lines=lines,
            subtotal_minor=total,
            total_minor=total,
            amount_due_minor=total,
            due_date=request.due_date,
            version=1,
        )
        self.by_id[invoice.id] = invoice
        self.business_of[invoice.id] = current_call().business_id
        return invoice
