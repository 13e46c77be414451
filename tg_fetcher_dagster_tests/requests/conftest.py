import pytest

from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster_tests.fixtures_redis import redis_client, redis_server, redis_url  # noqa: F401
from tg_fetcher_dagster_tests.requests.office import Office


@pytest.fixture
def ledger(tmp_path):
    opened = Ledger.open(f"sqlite:///{tmp_path / 'ledger' / 'ledger.sqlite'}")
    yield opened
    opened.close()


@pytest.fixture
def office(ledger, tmp_path):
    made = Office(ledger, tmp_path)
    made.knows("ru_python")
    return made
