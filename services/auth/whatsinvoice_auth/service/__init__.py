"""Use cases of auth. Each runs in the transaction that it is given; whoever opened that commits it."""
