"""What proves an invoice: read from its rows and its timeline, handed to the renderer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from whatsinvoice_invoices.documents import Happening, MessageProof, written_amount
from whatsinvoice_invoices.domain.business import Business
from whatsinvoice_invoices.domain.invoice import Invoice, Receipt, TimelineEntry

_STEPS = ("sent", "delivered", "read")


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known of an invoice; `facts` are what whoever asks adds, label and value."""

    invoice: Invoice
    business: Business
    receipts: Sequence[Receipt]
    timeline: Sequence[TimelineEntry]
    facts: Mapping[str, str]
    payment_id: str

    @property
    def disputed(self) -> str:
        """The reference of the payment at issue; empty when it has no receipt."""
        return next((receipt.reference for receipt in self.receipts if receipt.payment_id == self.payment_id), "")

    def messages(self) -> list[MessageProof]:
        """One row for each message about the invoice, with the first moment of each step; a failed one has none."""
        moments: dict[tuple[str, str, str], dict[str, datetime]] = {}
        for entry in self.timeline:
            kind, _, step = entry.kind.partition("_")
            if kind == "message":
                told = entry.details
                key = (told.get("message_id", ""), told.get("purpose", ""), told.get("channel", ""))
                moments.setdefault(key, {}).setdefault(step, self.business.local(entry.occurred_at))
        return [
            MessageProof(_words(purpose), _words(channel), *map(steps.get, _STEPS))
            for (_, purpose, channel), steps in moments.items()
        ]

    def happenings(self) -> list[Happening]:
        """The whole timeline, in the business's time."""
        return [
            Happening(
                self.business.local(entry.occurred_at),
                _words(entry.kind),
                "; ".join(self._detail(name, value) for name, value in sorted(entry.details.items())),
            )
            for entry in self.timeline
        ]

    def _detail(self, name: str, value: str) -> str:
        of_money = name.removesuffix("_minor")
        if of_money != name:
            name, value = of_money, written_amount(int(value), self.invoice.currency)
        return f"{_words(name)}: {value}"


def _words(name: str) -> str:
    return name.replace("_", " ")
