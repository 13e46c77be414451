"""Thousands of commands at once, through a real Redis and the real reconciler; only the runs are not Dagster's."""
