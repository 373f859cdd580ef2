"""The chat grammar: a WhatsApp message -> what it means and what it lacks. Deterministic, no model, no input or output.

The way of a message: `normalise` -> `lexer` (with `phones`, `amounts`, `number_words`) -> `reader`, which asks the part
for each intent: `create_invoice` (`invoice_request`, `names`, `lines`), `edit_draft`, `merchant_verbs` or
`customer_verbs`.
The words of each language are data, in `lexicon/`.
"""

from .reader import Sender, read
from .readings import (
    Context,
    CreateInvoice,
    Customer,
    CustomerPayment,
    Discount,
    Draft,
    EditDraft,
    Line,
    ListUnpaid,
    Need,
    OnInvoice,
    Plain,
    Reading,
    RecordPayment,
    RequestReceipt,
    Tax,
    Who,
    Withholding,
)

__all__ = [
    "Context",
    "CreateInvoice",
    "Customer",
    "CustomerPayment",
    "Discount",
    "Draft",
    "EditDraft",
    "Line",
    "ListUnpaid",
    "Need",
    "OnInvoice",
    "Plain",
    "Reading",
    "RecordPayment",
    "RequestReceipt",
    "Sender",
    "Tax",
    "Who",
    "Withholding",
    "read",
]
