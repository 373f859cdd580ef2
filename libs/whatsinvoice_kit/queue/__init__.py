"""Work that waits in a table: added beside what makes it necessary, claimed with a lease, retried, in order per key."""
