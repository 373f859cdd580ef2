"""The only SQL of notifications: rows <-> records. Each module owns the tables of its name."""
