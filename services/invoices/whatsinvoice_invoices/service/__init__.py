"""Use cases of invoices. Each runs in the transaction that it is given; whoever opened that commits it."""
