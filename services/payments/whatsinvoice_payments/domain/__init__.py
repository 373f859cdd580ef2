"""The rules of collecting money: attempts, what a charge settles, the ledger, schedules. No input or output."""
