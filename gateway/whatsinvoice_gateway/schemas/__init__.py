"""The public HTTP bodies: what may come in, nothing else; what goes out, from proto messages."""
