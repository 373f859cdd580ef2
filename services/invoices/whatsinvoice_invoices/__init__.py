"""Customers, invoices, numbering, receipts, documents and public links.

RPCs: whatsinvoice.invoices.v1.InvoicesService. Events out: InvoiceIssued, InvoicePaymentRecorded, InvoicePaid,
InvoiceReversalRecorded, InvoiceVoided, TransferClaimed. Events in: auth's BusinessRegistered and BusinessChanged, what
payments tells of payments, refunds and disputes, notifications' message statuses. Calls nobody.
"""
