"""The only SQL of auth: rows <-> records."""
