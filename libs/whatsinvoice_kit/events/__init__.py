"""Events between services: outbox, relay, bus, inbox, dead letters.

Nothing is lost with Redis, nothing happens twice.
"""
