"""All of Dagster and nothing else, one module a concept."""
