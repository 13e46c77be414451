"""Which chats' partitions runs work on now: deleting one under its run would kill the run."""

import dagster as dg

from tg_fetcher_dagster.defs.partitions import asked_keys
from tg_fetcher_dagster.settings import Settings

UNDER_WAY = dg.RunsFilter(
    statuses=[
        dg.DagsterRunStatus.QUEUED,
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
        dg.DagsterRunStatus.CANCELING,
    ]
)


def partitions_in_use(instance: dg.DagsterInstance, settings: Settings) -> dict[str, str]:
    """Returns the chat partitions that runs work on or wait for, each with one run's id."""
    found: dict[str, str] = {}
    for run in instance.get_runs(filters=UNDER_WAY):
        for key in asked_keys(run, settings, instance):
            found.setdefault(key.split("|")[0], run.run_id)
    return found
