"""The public routes, an area a file. Each says what comes in, which RPC answers, and what goes out."""
