from pathlib import Path

import pytest

from tg_fetcher_dagster.storage.paths import DayPaths, Store
from tg_fetcher_dagster_tests.storage.writing import DAY


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "data", "UTC")
    store.prepare()
    return store


@pytest.fixture
def paths(store: Store) -> DayPaths:
    return store.day("ru_python", DAY)
