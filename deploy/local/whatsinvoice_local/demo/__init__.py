"""One invoice from a chat message to a receipt, played on a running stack through public interfaces only."""
