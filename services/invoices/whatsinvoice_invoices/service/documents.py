"""The PDFs of invoices and receipts: rendered once for each version, kept in the object store, read from there."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal

from botocore.exceptions import BotoCoreError, ClientError
from prometheus_client import Histogram
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.observe.telemetry import exemplar, span
from whatsinvoice_kit.storage import ObjectStore

from whatsinvoice_invoices import documents
from whatsinvoice_invoices.domain.business import Business
from whatsinvoice_invoices.domain.invoice import Invoice, Receipt, Status
from whatsinvoice_invoices.domain.totals import Line
from whatsinvoice_invoices.links import Links
from whatsinvoice_invoices.service.evidence import Evidence
from whatsinvoice_invoices.service.invoices import without_contact

RENDERED = Histogram(
    "invoices_pdf_seconds", "Time to render a document", buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
)
PDF = "application/pdf"
PUBLIC = "-public"
STANDINGS = {Status.VOID: "Void, nothing is due", Status.UNCOLLECTIBLE: "Written off, nothing is due"}


@dataclass(frozen=True, slots=True)
class Document:
    """A file and the lower-case hex SHA-256 of its content."""

    content: bytes
    file_name: str
    sha256: str


class DocumentsService:
    """Renders in a few threads of its own: typst lets go of the interpreter while it works."""

    def __init__(self, store: ObjectStore, links: Links, threads: int) -> None:
        self._store = store
        self._links = links
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="typst")

    async def of_invoice(self, invoice: Invoice, business: Business, *, public: bool = False) -> Document:
        """Return the PDF of an issued invoice as it now stands; INVOICE_NOT_ISSUED for a draft.

        `public`: as anybody who holds the link may see it, without the customer's phone and e-mail.
        """
        invoice.require_issued()
        invoice = without_contact(invoice) if public else invoice
        key = f"{invoice.business_id}/{invoice.id}/{invoice.version}{PUBLIC if public else ''}.pdf"
        content = await self._kept(key, lambda: documents.render_invoice(self._invoice(invoice, business)))
        return Document(content, f"{invoice.number}.pdf", hashlib.sha256(content).hexdigest())

    async def of_receipt(
        self, receipt: Receipt, invoice: Invoice, business: Business, *, public: bool = False
    ) -> Document:
        """Return the PDF of a receipt; `public` as `of_invoice`."""
        invoice = without_contact(invoice) if public else invoice
        kind = f"{f'-{receipt.returned_minor}' if receipt.returned_minor else ''}{PUBLIC if public else ''}"
        key = f"{receipt.business_id}/{receipt.invoice_id}/{receipt.number}{kind}.pdf"
        content = await self._kept(key, lambda: documents.render_receipt(_receipt(receipt, invoice, business)))
        return Document(content, f"{receipt.number}.pdf", hashlib.sha256(content).hexdigest())

    async def of_evidence(self, evidence: Evidence) -> Document:
        """All that proves an invoice, drawn for this one moment and kept nowhere; INVOICE_NOT_ISSUED for a draft."""
        invoice, business = evidence.invoice, evidence.business
        invoice.require_issued()
        document = documents.EvidenceDocument(
            invoice=self._invoice(invoice, business),
            made_at=business.local(now()),
            facts=sorted(evidence.facts.items()),
            receipts=[_receipt(receipt, invoice, business) for receipt in evidence.receipts],
            messages=evidence.messages(),
            timeline=evidence.happenings(),
            disputed=evidence.disputed,
        )
        content = await self._rendered(lambda: documents.render_evidence(document))
        return Document(content, f"{invoice.number}-evidence.pdf", hashlib.sha256(content).hexdigest())

    async def _rendered(self, render: Callable[[], bytes]) -> bytes:
        with span("render document"):
            content, seconds = await asyncio.get_running_loop().run_in_executor(self._pool, _timed, render)
            RENDERED.observe(seconds, exemplar())
        return content

    async def _kept(self, key: str, render: Callable[[], bytes]) -> bytes:
        try:
            kept = await self._store.get(key)
            if kept is not None:
                return kept
            content = await self._rendered(render)
            await self._store.put(key, content, PDF)
        except (ClientError, BotoCoreError) as error:
            raise ServiceError(
                Kind.UNAVAILABLE, "STORE_UNAVAILABLE", "documents cannot be reached now", retry_after=5
            ) from error
        return content

    def _invoice(self, invoice: Invoice, business: Business) -> documents.InvoiceDocument:
        totals = invoice.totals
        assert invoice.issue_date is not None, "an issued invoice has its date"  # noqa: S101  (require_issued has passed)
        return documents.InvoiceDocument(
            number=invoice.number,
            issue_date=invoice.issue_date,
            due_date=invoice.due_date,
            business=documents.Business(business.name, business.phone or None),
            customer=_customer(invoice),
            currency=invoice.currency,
            lines=tuple(_line(line) for line in totals.lines),
            subtotal_minor=sum(line.amount_minor for line in totals.lines),
            discount_minor=totals.discount_minor,
            taxes=_taxes(totals.lines),
            total_minor=totals.total_minor,
            prices_include_tax=invoice.prices_include_tax,
            standing=STANDINGS.get(invoice.status, "Paid in full"),
            refunded_minor=invoice.refunded_minor,
            credit_minor=invoice.credit_minor,
            paid_minor=invoice.amount_paid_minor,
            due_minor=invoice.amount_due_minor,
            notes=invoice.notes or None,
            pay_url=self._links.invoice(invoice.token),
        )

    async def close(self) -> None:
        """Ends the threads and the store's connections."""
        self._pool.shutdown(wait=False)
        self._store.close()


def _timed(render: Callable[[], bytes]) -> tuple[bytes, float]:
    started = time.perf_counter()
    return render(), time.perf_counter() - started


def _line(line: Line) -> documents.Line:
    return documents.Line(
        line.description,
        line.quantity,
        line.unit_price_minor,
        line.amount_minor,
        line.own_discount_minor,
        _rate(line.tax_rate_bp) if line.tax_rate_bp else "",
    )


def _taxes(lines: Sequence[Line]) -> tuple[tuple[str, int], ...]:
    """Return label and amount of each rate, in the order of the lines."""
    sums: dict[int, int] = {}
    for line in lines:
        if line.tax_rate_bp:
            sums[line.tax_rate_bp] = sums.get(line.tax_rate_bp, 0) + line.tax_minor
    return tuple((_rate(rate), minor) for rate, minor in sums.items())


def _rate(rate_bp: int) -> str:
    return f"Tax {format((Decimal(rate_bp) / 100).normalize(), 'f')}%"


def _customer(invoice: Invoice) -> documents.Customer:
    who = invoice.customer
    return documents.Customer(who.name, who.phone or None, who.email or None)


def _receipt(receipt: Receipt, invoice: Invoice, business: Business) -> documents.ReceiptDocument:
    return documents.ReceiptDocument(
        number=receipt.number,
        invoice_number=receipt.invoice_number,
        business=documents.Business(business.name, business.phone or None),
        customer=_customer(invoice),
        currency=receipt.currency,
        amount_minor=receipt.amount_minor,
        balance_due_minor=receipt.amount_due_minor,
        method=receipt.channel.replace("_", " "),
        reference=receipt.reference,
        paid_at=business.local(receipt.paid_at),
        credit_minor=receipt.credit_minor,
        returned_minor=receipt.returned_minor,
    )
