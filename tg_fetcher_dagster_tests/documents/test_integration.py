"""docs/integration.md: its producers and consumers, run as they stand there, over a real daemon."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis

from tg_fetcher_dagster_tests.documents.blocks import commands, program
from tg_fetcher_dagster_tests.fixtures_redis import valkey
from tg_fetcher_dagster_tests.flow.dagster_processes import Deployment
from tg_fetcher_sandbox.background import RunningSandbox

pytestmark = pytest.mark.flow

PAGE = "integration.md"
STREAM = "tg_events:stream"
SCENARIO: dict[str, Any] = {
    "seed": 5,
    "days": {"from": "2025-11-01", "to": "2025-11-08"},
    "accounts": [{"name": "main", "phone": "+15550001001"}],
    "chats": {"python": {"type": "supergroup", "username": "ru_python", "messages_per_day": 7, "members": 4}},
}


@pytest.fixture(scope="module")
def flow(
    tmp_path_factory: pytest.TempPathFactory, ledger_of_deployment: Callable[[], dict[str, str]]
) -> Iterator[Deployment]:
    """A deployment whose daemon runs for all tests of the module."""
    folder: Path = tmp_path_factory.mktemp("integration") / "deployment"
    with valkey() as server, RunningSandbox(SCENARIO) as sandbox:
        url = f"redis://127.0.0.1:{server.port}"
        deployment = Deployment(folder, sandbox, url, env=ledger_of_deployment())
        deployment.start_daemon()
        try:
            yield deployment
        finally:
            deployment.stop()


@pytest.fixture
def shell(flow: Deployment, tmp_path: Path) -> dict[str, str]:
    """The environment of a reader: `redis-cli` finds the test's server without being told."""
    found = shutil.which("redis-cli")
    if found is None:
        pytest.skip("Debian's package redis-tools is not installed")
    wrapper = tmp_path / "bin" / "redis-cli"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nexec {found} -u {flow.redis_url} "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    return {"PATH": f"{wrapper.parent}:{os.environ['PATH']}", "REDIS_URL": flow.redis_url}


@contextmanager
def running(arguments: list[str], told: Path, environment: dict[str, str]) -> Iterator[None]:
    """Runs a consumer in the folder of what it is told until the block ends; then it is killed."""
    with told.open("ab") as output:
        process = subprocess.Popen(
            arguments,
            cwd=told.parent,
            env={**os.environ, **environment},
            stdout=output,
            start_new_session=True,
        )
    try:
        yield
        assert process.poll() is None, "the consumer has ended by itself"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def lines(told: Path) -> list[str]:
    return told.read_text(encoding="utf-8").splitlines()


def produced(flow: Deployment, folder: Path) -> str:
    """Runs the producer; returns the id that it tells."""
    script = folder / "producer.py"
    script.write_text(program(PAGE, "python", "producer.py"), encoding="utf-8")
    asked = subprocess.run(
        [sys.executable, script], env={**os.environ, "REDIS_URL": flow.redis_url}, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    return asked.stdout.strip()


def ended(flow: Deployment, command_id: str, days: int) -> None:
    """Waits until each day of a command has ended."""
    flow.until(
        lambda: sum(command_id in event["command_ids"] for event in flow.events()) >= days,
        what=f"the ends of {command_id}",
    )


def test_a_consumer_hears_each_day_once_and_catches_up_after_it_was_down(
    flow: Deployment, tmp_path: Path
) -> None:
    script, told = tmp_path / "consumer.py", tmp_path / "told"
    script.write_text(program(PAGE, "python", "consumer.py"), encoding="utf-8")
    consumer = [sys.executable, str(script)]
    here = {"REDIS_URL": flow.redis_url}

    with running(consumer, told, here):
        first = produced(flow, tmp_path)
        flow.until(lambda: len(lines(told)) >= 2, what="two ends")
    assert sorted(lines(told)) == [
        f"messages_fetched ru_python {day} 7 {first}" for day in ("2025-11-03", "2025-11-04")
    ]

    with redis.Redis.from_url(flow.redis_url) as client:
        (_, repeated), *_ = client.xrange(STREAM, count=1)
        client.xadd(
            STREAM, repeated
        )  # as after Redis has lost its last seconds: another entry, the same event
        forced = orjson.dumps({"command": "fetch", "chat": "ru_python", "date": "2025-11-03", "force": True,
                               "command_id": "while-it-was-down"})  # fmt: skip
        client.rpush("tg_commands", forced)
    ended(flow, "while-it-was-down", 1)
    with running(consumer, told, here):
        flow.until(lambda: len(lines(told)) >= 3, what="what came meanwhile")
        flow.push(chat="ru_python", date="2025-11-06", command_id="afterwards")
        flow.until(lambda: lines(told)[-1].endswith("afterwards"), what="the next end")

    assert lines(told)[2:] == [
        "fetch_skipped ru_python 2025-11-03 0 while-it-was-down",
        "messages_fetched ru_python 2025-11-06 7 afterwards",
    ]


@pytest.mark.system
def test_the_same_in_a_shell(flow: Deployment, tmp_path: Path, shell: dict[str, str]) -> None:
    script, told = tmp_path / "consumer.sh", tmp_path / "told"
    script.write_text(program(PAGE, "sh", "consumer.sh"), encoding="utf-8")
    consumer = ["sh", str(script)]
    (push,) = commands(PAGE, "redis-cli RPUSH")
    (subscribe,) = commands(PAGE, "redis-cli SUBSCRIBE")
    known = len({event["event_id"] for event in flow.events()})
    heard = tmp_path / "heard"

    with running(["sh", "-c", f"exec {subscribe}"], heard, shell), running(consumer, told, shell):
        with redis.Redis.from_url(flow.redis_url) as client:
            flow.until(lambda: client.pubsub_numsub("tg_events")[0][1], what="a subscriber")
        subprocess.run(push, shell=True, env={**os.environ, **shell}, check=True, capture_output=True)
        flow.until(lambda: len(lines(told)) == known + 1, what="the end of the day")
    end = orjson.loads(lines(told)[-1])
    assert (end["event"], end["date"], end["command_ids"]) == ("messages_fetched", "2025-11-05", ["shell-1"])
    progress = [orjson.loads(line)["event"] for line in lines(heard) if line.startswith("{")]
    assert progress[0] == "fetch_started"
    assert progress[-1] == "messages_fetched"

    with redis.Redis.from_url(flow.redis_url) as client:
        *_, (_, repeated) = client.xrange(STREAM)
        client.xadd(STREAM, repeated)
    flow.push(chat="ru_python", date="2025-11-07", command_id="shell-2")
    ended(flow, "shell-2", 1)
    with running(consumer, told, shell):
        flow.until(lambda: b"shell-2" in told.read_bytes(), what="what came meanwhile")
    assert len(lines(told)) == known + 2, "the repeat is passed over"
