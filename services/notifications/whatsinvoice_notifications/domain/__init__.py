"""The rules of messages, contacts and conversations; standard library and the kit's core only."""
