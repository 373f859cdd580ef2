"""The names of the parts, in the order in which they start."""

BACKING = ("postgres", "valkey", "seaweedfs")
SERVICES = ("auth", "invoices", "payments", "notifications")
PROGRAMS = ("sandbox", *SERVICES, "gateway")
PARTS = (*BACKING, *PROGRAMS)

PREFERRED_PORTS = {"gateway": 8080, "sandbox": 8090}
"""Where people look for them; another port when one is taken."""
