"""The rules of customers and invoices: totals, states, receipts. No input or output."""
