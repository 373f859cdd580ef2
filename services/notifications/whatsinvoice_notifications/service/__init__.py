"""Use cases of notifications. What is given a transaction works in it; the workers open short ones of their own."""
