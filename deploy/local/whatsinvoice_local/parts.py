"""The names of the parts, in the order in which they start."""

BACKING = ("postgres", "valkey", "seaweedfs")
SERVICES = ("auth", "invoices", "payments", "notifications")
PROGRAMS = ("sandbox", *SERVICES, "gateway")
PARTS = (*BACKING, *PROGRAMS)
