"""Fixtures that all tests may take: a Telegram and a Redis of their own."""

import signal

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no fault of an example: neither its seconds nor those of its making count.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure() -> None:
    """Hears SIGINT again where a shell's `&` has switched it off: programs under test would inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest tests first: at the end, one of two workers would wait for them alone."""
    items.sort(key=lambda item: item.get_closest_marker("flow") is None)


pytest_plugins = [
    "tg_fetcher_dagster_tests.counting",
    "tg_fetcher_dagster_tests.fixtures_redis",
    "tg_fetcher_dagster_tests.fixtures_ledger",
    "tg_fetcher_dagster_tests.fixtures_logs",
]
