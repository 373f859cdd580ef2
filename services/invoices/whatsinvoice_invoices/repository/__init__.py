"""The only SQL of invoices: rows <-> aggregates."""
