"""Log lines: what every process writes of what it does (docs/logs.md)."""
