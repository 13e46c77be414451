"""Fixtures that all tests may take: a Telegram and a Redis of their own."""

pytest_plugins = [
    "tg_fetcher_dagster.sandbox.pytest_plugin",
    "tg_fetcher_dagster_tests.fixtures_redis",
]
