"""The database: engine, the one place that commits, idempotency, jobs, migrations."""
