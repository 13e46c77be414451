"""What latency.py measures beside: a plain Dagster project with a sensor over a Redis list.

As one writes it from Dagster's documentation: one partition a run, the default executor, and a day that
costs nothing. PLAIN_REDIS names the server.
"""

import json
import os
from collections.abc import Iterator

import dagster as dg
import redis

COMMANDS, EVENTS = "plain_commands", "plain_events"

days = dg.DailyPartitionsDefinition("2025-11-01")


@dg.asset(partitions_def=days)
def plain_day(context: dg.AssetExecutionContext) -> None:
    """Tells that a day is there."""
    with redis.Redis.from_url(os.environ["PLAIN_REDIS"]) as client:
        client.publish(EVENTS, json.dumps({"date": context.partition_key}))


job = dg.define_asset_job("plain_job", [plain_day])


@dg.sensor(job=job, minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def plain_commands() -> Iterator[dg.RunRequest]:
    """Asks for one run a day of every command."""
    with redis.Redis.from_url(os.environ["PLAIN_REDIS"]) as client:
        while command := client.lpop(COMMANDS):
            for day in json.loads(command)["days"]:
                yield dg.RunRequest(partition_key=day)


defs = dg.Definitions(assets=[plain_day], jobs=[job], sensors=[plain_commands])
