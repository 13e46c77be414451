"""A backfill launched in the UI: few runs, one materialisation for each chat and day."""

import subprocess
from collections.abc import Iterator

import dagster as dg
import httpx
import pytest

from tg_fetcher_dagster_tests.flow.dagster_processes import PROGRAMS, PROJECT, Deployment, free_port

pytestmark = pytest.mark.flow

LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }
"""
DAYS = [f"2025-11-{day:02}" for day in range(1, 11)]


@pytest.fixture
def webserver(flow: Deployment) -> Iterator[str]:
    """The UI's server over the deployment."""
    port = free_port()
    with flow.process(
        [PROGRAMS / "dagster-webserver", "-h", "127.0.0.1", "-p", str(port), "-w", PROJECT / "workspace.yaml"]
    ):
        url = f"http://127.0.0.1:{port}"
        flow.until(lambda: _answers(url), what="the webserver")
        yield url


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/server_info").is_success
    except httpx.TransportError:
        return False


def test_a_backfill_of_three_chats_and_ten_days_is_three_runs_and_thirty_materialisations(
    flow: Deployment, webserver: str
) -> None:
    quiet = str(flow.sandbox.world.chats["quiet"].peer)
    subprocess.run(
        [PROGRAMS / "tg-fetcher", "chats", "add", "flow_news", "flow_busy", quiet],
        env=flow.environment,
        cwd=flow.folder,
        check=True,
    )
    with flow.instance() as instance:
        chats = flow.until(
            lambda: (got := list(instance.get_dynamic_partitions("chats"))) and len(got) == 3 and got,
            what="three chats as partitions",
        )
        keys = [f"{chat}|{day}" for chat in chats for day in DAYS]
        params = {"partitionNames": keys, "assetSelection": [{"path": ["messages"]}], "tags": []}
        answer = httpx.post(
            f"{webserver}/graphql", json={"query": LAUNCH, "variables": {"params": params}}, timeout=60
        ).json()["data"]["launchPartitionBackfill"]
        assert answer["__typename"] == "LaunchBackfillSuccess", answer

        backfill = answer["backfillId"]
        flow.until(
            lambda: (got := instance.get_backfill(backfill)) and got.status.value == "COMPLETED_SUCCESS",
            seconds=150,
            what="the backfill's end",
        )
        runs = instance.get_runs(filters=dg.RunsFilter(tags={"dagster/backfill": backfill}))
        events = instance.fetch_materializations(dg.AssetKey("messages"), limit=1000).records

    assert len(runs) <= 3
    ids = {run.run_id for run in runs}
    assert sorted(event.partition_key for event in events if event.run_id in ids) == sorted(keys)
    metadata = events[0].asset_materialization.metadata
    told = {"dagster/partition_row_count", "path", "checksum_sha256", "bytes", "outcome", "requests"}
    assert told <= set(metadata)
    assert len(flow.events("messages_fetched")) == 30
