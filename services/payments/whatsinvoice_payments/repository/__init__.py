"""The only SQL of payments: rows <-> aggregates."""
