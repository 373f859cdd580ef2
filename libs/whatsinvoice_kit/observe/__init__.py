"""What operators see: logs, traces, metrics, health."""
