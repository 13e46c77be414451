"""`tg-fetcher sandbox` as another program starts it: one JSON line, a signal, one-line errors."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest
import yaml

from tg_fetcher_dagster_tests.sandbox.clients import SMALL, client_for, ids_of_busy
from tg_fetcher_dagster_tests.waiting import PATIENCE

COMMAND = [sys.executable, "-m", "tg_fetcher_sandbox"]


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "scenario.yaml"
    path.write_text(yaml.safe_dump(SMALL, allow_unicode=True))
    return path


async def read_busy(introduction):
    address = SimpleNamespace(host=introduction["host"], port=introduction["port"])
    client = client_for(address, introduction["session"])
    await client.connect()
    try:
        return await ids_of_busy(client)
    finally:
        await client.disconnect()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_a_signal_and_ends_well(scenario, tmp_path, number):
    log, key = tmp_path / "requests.jsonl", tmp_path / "key.json"
    process = subprocess.Popen(
        [*COMMAND, "serve", "--scenario", scenario, "--port", "0", "--requests", log, "--key", key],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        introduction = json.loads(process.stdout.readline())
        read = asyncio.run(read_busy(introduction))
        process.send_signal(number)
        assert process.wait(PATIENCE) == 0
    assert len(read) == 260
    assert set(introduction["sessions"]) == {"main", "second"}
    assert introduction["sessions"]["main"] == introduction["session"]
    assert (introduction["phone"], introduction["code"]) == ("+15550001001", "12345")
    assert introduction["public_key"].startswith("-----BEGIN RSA PUBLIC KEY-----")
    assert (tmp_path / "key.json.pub").read_text().strip() == introduction["public_key"]
    assert key.stat().st_mode & 0o777 == 0o600
    assert any(json.loads(line)["method"] == "messages.getHistory" for line in log.read_text().splitlines())


def test_truth_is_told_as_json(scenario):
    told = subprocess.run([*COMMAND, "truth", "--scenario", scenario], capture_output=True, check=True)
    days = json.loads(told.stdout)["chats"]["busy"]["days"]
    assert {day: content["count"] for day, content in days.items()} == {"2025-11-06": 130, "2025-11-07": 130}


def refusal(*arguments):
    ended = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
    return ended.stderr


def test_a_busy_port_is_one_line(scenario):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} on 127.0.0.1 is already in use" in refusal(
            "serve", "--scenario", scenario, "--port", str(port)
        )


def test_a_scenario_that_is_missing_or_wrong_is_one_line(scenario, tmp_path):
    assert "missing.yaml" in refusal("serve", "--scenario", tmp_path / "missing.yaml")
    scenario.write_text(yaml.safe_dump({**SMALL, "faults": [{"method": "*"}]}))
    assert "faults.0" in refusal("serve", "--scenario", scenario)
    scenario.write_text("chats: 5")
    assert "chats" in refusal("truth", "--scenario", scenario)


def test_a_file_without_keys_is_one_line(scenario, tmp_path):
    (tmp_path / "key").write_text("no keys")
    assert "is not a key file" in refusal("serve", "--scenario", scenario, "--key", tmp_path / "key")
