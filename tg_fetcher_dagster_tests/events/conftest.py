from collections.abc import Iterator

import pytest

from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster_tests.fixtures_redis import redis_client, redis_server, redis_url  # noqa: F401


@pytest.fixture
def ledger(tmp_path) -> Iterator[Ledger]:
    opened = Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    yield opened
    opened.close()
