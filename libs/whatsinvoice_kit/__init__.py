"""What every service needs and none owns: errors, settings, database, events, RPC, observability.

It knows no service and none of our protos.
"""
