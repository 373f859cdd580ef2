"""What stands around every request: ids, sizes, security headers, tokens, limits, errors. Pure ASGI, no base class."""
