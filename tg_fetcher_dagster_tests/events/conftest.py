from tg_fetcher_dagster_tests.fixtures_redis import redis_client, redis_server, redis_url  # noqa: F401
