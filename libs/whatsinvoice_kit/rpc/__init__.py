"""gRPC both ways: server, client, error mapping, tokens, and who may call what."""
