import pytest

from tg_fetcher_dagster_tests.fixtures_redis import redis_client, redis_server, redis_url  # noqa: F401
from tg_fetcher_dagster_tests.requests.office import Office


@pytest.fixture
def office(ledger, tmp_path):
    made = Office(ledger, tmp_path)
    made.knows("ru_python")
    return made
