"""Checkouts, Paystack, its webhooks, settlement, reconciliation and the ledger.

RPCs: whatsinvoice.payments.v1.PaymentsService. Events out: PaymentSucceeded, PaymentFailed. Events in: none.
Calls: invoices (GetPayable) and Paystack.
"""
