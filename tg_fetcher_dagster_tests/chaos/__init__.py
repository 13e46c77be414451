"""A deployment whose processes are killed, frozen and restarted at random, and what must be true afterwards."""
