"""Thousands of commands at once, through a real Redis and the real reconciler; the runs are simulated."""
