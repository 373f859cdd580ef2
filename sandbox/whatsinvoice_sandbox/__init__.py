"""Stand-ins for Paystack and Meta that speak the real protocols on this machine, and the two-phone page.

`/paystack` and `/graph/v23.0` answer as the providers do, `/_control` plays the people and the faults, `/` shows it.
State lives in memory; nothing here is imported by a service.
"""
