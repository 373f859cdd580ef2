"""Customers, invoices, numbering, receipts, documents and public links.

RPCs: whatsinvoice.invoices.v1.InvoicesService. Events out: InvoiceIssued, InvoicePaymentRecorded, InvoicePaid.
Events in: auth's BusinessRegistered, payments' PaymentSucceeded, notifications' message statuses. Calls nobody.
"""
