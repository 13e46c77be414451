"""What docs/benchmarks.md tells, measured again: `make bench` (`ARGS=reading` runs one part)."""
