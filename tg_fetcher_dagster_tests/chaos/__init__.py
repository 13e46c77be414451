"""A deployment whose processes are killed and frozen at random, and what must be true afterwards."""
