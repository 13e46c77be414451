"""A chat's days fetched: what one run does, without Dagster."""
