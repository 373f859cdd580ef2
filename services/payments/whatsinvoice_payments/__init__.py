"""Checkouts, Paystack, its webhooks, settlement, refunds, disputes, reconciliation and the ledger.

RPCs: whatsinvoice.payments.v1.PaymentsService. Events out: payments' events.proto. Events in: businesses, from auth.
Calls: invoices (GetPayable, GetEvidence) and Paystack.
"""
