"""Paystack as its clients meet it: transactions, checkout page, banks, signed webhooks."""
