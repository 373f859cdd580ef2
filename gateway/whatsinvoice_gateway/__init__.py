"""HTTP in, gRPC out: routing, token checks, rate limits, the pay page. It owns no data and no rule of the domain."""
