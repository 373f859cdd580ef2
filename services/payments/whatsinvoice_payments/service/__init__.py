"""Use cases of payments. Those that ask the provider open their own transactions and hold none while they wait."""
