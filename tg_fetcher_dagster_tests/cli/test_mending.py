"""Damage as a person meets it: `status` counts it out, `verify` names it, `rebuild` and `--repair` mend."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis

from tg_fetcher_dagster.fetching.context import FetchContext
from tg_fetcher_dagster.fetching.request import FetchRequest
from tg_fetcher_dagster.fetching.run import fetch_chats
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.open_reader import open_reader
from tg_fetcher_dagster_tests.cli.conftest import Command
from tg_fetcher_dagster_tests.cli.resolving import resolved
from tg_fetcher_dagster_tests.cli.worker import Worker, ends
from tg_fetcher_dagster_tests.events.recorded import recorded as recorded_in
from tg_fetcher_dagster_tests.fetching.reading import days_between
from tg_fetcher_dagster_tests.records import lose_records

DAYS = days_between("2025-11-05", "2025-11-07")
CHAT = Path("data/daily_news")


@pytest.fixture
def kept(signed_in: Command, sandbox: Any) -> Command:
    """Three days that were fetched and are whole; from here on requests count."""
    settings = Settings.read()
    context = FetchContext(settings=settings, open_reader=lambda: open_reader(settings))

    async def fetch() -> None:
        await resolved(settings, "@daily_news")
        request = FetchRequest(request_id="fetch-1", chat="daily_news", days=DAYS)
        assert {report.outcome for report in await fetch_chats([request], context)} == {"fetched"}

    asyncio.run(fetch())
    sandbox.clear_requests()
    return signed_in


def flip(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)


def json_of(command: Command) -> dict[str, Any]:
    result = command("status", "--json")
    assert result.code == 0, result.err
    return dict(orjson.loads(result.out))


def status_of(command: Command) -> dict[str, Any]:
    return dict(json_of(command)["chats"][0])


def recorded() -> list[dict[str, Any]]:
    return [event for event in recorded_in(Path("data")) if event["event"] == "messages_fetched"]


def test_what_is_whole_is_verified_without_a_word_of_damage(kept: Command, sandbox: Any):
    result = kept("verify")
    assert (result.code, result.out) == (0, "3 days verified, 0 damaged\n")
    assert kept("verify", "@Daily_News", "--from", "2025-11-05", "--to", "2025-11-07").code == 0
    misspelt = kept("verify", "@nobody_here")
    assert (misspelt.code, misspelt.out) == (1, "")
    assert "chat '@nobody_here' is not kept here" in misspelt.error
    assert sandbox.requests == []


def test_each_damage_is_a_line_and_the_exit_code_says_so(kept: Command, sandbox: Any):
    flip(CHAT / "2025-11-05.json")
    (CHAT / "2025-11-06_threads.json").unlink()
    lose_records(Path("data"), "daily_news", DAYS[1])
    flip(CHAT / "raw" / "2025-11-07.jsonl.zst")
    result = kept("verify")
    assert result.code == 1
    lines = result.out.splitlines()
    assert lines[:3] == [
        "daily_news 2025-11-05: day file is not what was recorded: another checksum",
        "daily_news 2025-11-06: threads is not what its raw file gives",
        "daily_news 2025-11-06: coverage is gone",
    ]
    assert lines[3].startswith("daily_news 2025-11-07: raw file is damaged")
    assert lines[4:] == ["3 days verified, 3 damaged"]
    only = kept("verify", "daily_news", "--from", "2025-11-05", "--to", "2025-11-05")
    assert only.out.splitlines()[1:] == ["1 days verified, 1 damaged"]
    assert sandbox.requests == []


def test_repairing_makes_again_what_raw_files_give_and_fetches_the_rest(kept: Command, sandbox: Any):
    before = {path: path.read_bytes() for path in CHAT.glob("*.json")}
    flip(CHAT / "2025-11-05.json")
    lose_records(Path("data"), "daily_news", DAYS[1])
    flip(CHAT / "raw" / "2025-11-07.jsonl.zst")

    result = kept("verify", "--repair", "--direct")

    assert result.code == 0, result.err
    assert "daily_news 2025-11-05 mended: day file" in result.out
    assert "daily_news 2025-11-06 mended: coverage" in result.out
    assert "must be read again: daily_news 2025-11-07 to 2025-11-07" in result.err
    assert sandbox.count("messages.getHistory") > 0
    assert {path: path.read_bytes() for path in CHAT.glob("*.json")} == before
    assert kept("verify").code == 0
    assert status_of(kept)["days_done"] == 3


def test_where_redis_is_away_what_must_be_read_stays_marked(kept: Command):
    whole = (CHAT / "2025-11-07.json").read_bytes()
    flip(CHAT / "raw" / "2025-11-07.jsonl.zst")
    assert status_of(kept)["days_done"] == 3, "a look does not find it"

    result = kept("verify", "--repair")

    assert result.code == 1
    assert "Redis at 127.0.0.1:1 is away" in result.error
    assert (CHAT / "2025-11-07.json").read_bytes() == whole
    assert status_of(kept)["days_done"] == 2
    assert kept("fetch", "daily_news", "--date", "2025-11-07", "--direct").code == 0
    assert kept("verify").code == 0


def test_direct_without_repair_is_wrong_use(command: Command):
    result = command("verify", "--direct")
    assert (result.code, result.error) == (2, "error: --direct belongs to --repair")


def test_files_that_are_gone_are_named_and_made_again(kept: Command):
    for path in CHAT.glob("2025-11-0*"):
        path.unlink()
    assert "daily_news 2025-11-05: day file is gone" in kept("verify").out
    assert kept("rebuild", "daily_news").out.splitlines()[-1] == "3 days rebuilt, 0 changed"
    assert kept("verify").code == 0


def test_a_lost_record_is_told_and_rebuilt_from_the_raw_file(kept: Command, sandbox: Any):
    lose_records(Path("data"), "daily_news", *DAYS)
    assert status_of(kept)["days_done"] == 0
    assert kept("verify").out.count(": coverage is gone") == 3
    result = kept("rebuild", "daily_news")
    assert result.code == 0
    assert "daily_news 2025-11-06 mended: coverage" in result.out
    assert status_of(kept)["days_done"] == 3
    assert sandbox.requests == []


def test_a_rebuild_never_says_the_same_of_what_it_mended(kept: Command):
    flip(CHAT / "2025-11-06.json")
    (CHAT / "2025-11-07_summary.json").write_text("{}")
    assert kept("rebuild", "daily_news").out.splitlines() == [
        "daily_news 2025-11-05 the same",
        "daily_news 2025-11-06 mended: day file",
        "daily_news 2025-11-07 mended: summary",
        "3 days rebuilt, 0 changed",
    ]


def test_a_rebuild_that_changes_days_tells_of_them(kept: Command, env_file: Path):
    told = {event["event_id"] for event in recorded()}
    with env_file.open("a") as file:
        file.write("LANGUAGE_DETECT_ENABLED=false\n")
    result = kept("rebuild", "daily_news", "--date", "2025-11-06")
    assert "daily_news 2025-11-06 changed: day file, summary" in result.out
    assert "events wait in the outbox: Redis at 127.0.0.1:1 is away" in result.err
    [event] = [event for event in recorded() if event["event_id"] not in told]
    assert event["date"] == "2025-11-06"
    assert (
        event["checksum_sha256"]
        == orjson.loads((CHAT / "2025-11-06_summary.json").read_bytes())["file_checksum_sha256"]
    )


def test_where_redis_is_there_they_are_published_at_once(
    kept: Command, env_file: Path, redis_url: str, redis_client: redis.Redis
):
    with env_file.open("a") as file:
        file.write(f"REDIS_URL={redis_url}\nLANGUAGE_DETECT_ENABLED=false\n")
    result = kept("rebuild", "daily_news")
    assert result.out.splitlines()[-1] == "3 days rebuilt, 3 changed"
    stream = [orjson.loads(fields[b"event"]) for _, fields in redis_client.xrange("tg_events:stream")]
    # Those of the fetch had waited, too.
    assert [event["event"] for event in stream if event["event"] == "messages_fetched"] == [
        "messages_fetched"
    ] * 6
    assert json_of(kept)["events_pending"] == 0


def test_with_redis_repairing_pushes_a_command_for_each_run_of_days(
    kept: Command, env_file: Path, redis_url: str
):
    with env_file.open("a") as file:
        file.write(f"REDIS_URL={redis_url}\n")
    (CHAT / "raw" / "2025-11-05.jsonl.zst").unlink()
    flip(CHAT / "raw" / "2025-11-06.jsonl.zst")

    worker = Worker(redis_url, ends(["2025-11-05", "unchanged"], ["2025-11-06", "unchanged"]))
    worker.start()
    try:
        result = kept("verify", "--repair")
    finally:
        worker.stop()
    assert result.code == 0, result.err
    [sent] = worker.commands
    told = ("chat", "mode", "from", "to", "force", "requested_by")
    assert {key: sent[key] for key in told} == {
        "chat": "daily_news", "mode": "range", "from": "2025-11-05", "to": "2025-11-06", "force": False,
        "requested_by": "tg-fetcher",
    }  # fmt: skip


def test_status_finds_files_that_are_gone_where_it_is_asked_to_look(kept: Command):
    for path in CHAT.glob("2025-11-0*"):
        path.unlink()
    assert "damaged" not in kept("status").out
    assert json_of(kept)["damaged"] is None
    shown = kept("status", "--files").out
    assert "damaged   daily_news 2025-11-05: day file is gone, summary is gone" in shown
    assert kept("rebuild", "daily_news").out.splitlines()[-1] == "3 days rebuilt, 0 changed"
    assert "damaged" not in kept("status", "--files").out


def test_a_damaged_raw_file_fails_its_day_only_and_keeps_it(kept: Command):
    flip(CHAT / "raw" / "2025-11-06.jsonl.zst")
    whole = (CHAT / "2025-11-06.json").read_bytes()
    result = kept("rebuild", "daily_news")
    assert result.code == 1
    assert "raw/2025-11-06.jsonl.zst is damaged" in result.error
    assert result.out.splitlines()[-1] == "2 days rebuilt, 0 changed"
    assert (CHAT / "2025-11-06.json").read_bytes() == whole


def test_a_deletion_waits_in_doubt_until_a_person_accepts_it(kept: Command, sandbox: Any):
    for message in orjson.loads((CHAT / "2025-11-06.json").read_bytes())["messages"]:
        sandbox.world.delete("news", message["id"])
    result = kept("fetch", "daily_news", "--date", "2025-11-06", "--force", "--direct")
    assert result.code == 1
    assert "daily_news 2025-11-06: 4 of 4 messages are gone; the earlier file stays until" in result.error
    seen = status_of(kept)
    assert (seen["days_done"], seen["doubted"]) == (2, ["2025-11-06"])
    assert "in doubt  daily_news 2025-11-06: too many messages are gone" in kept("status").out
    assert kept("verify").code == 0, "what is kept is whole"
    sandbox.clear_requests()

    accepted = kept("accept", "@Daily_News", "2025-11-06")

    assert (accepted.code, accepted.out) == (0, "daily_news 2025-11-06: 0 messages are current\n")
    assert sandbox.requests == []
    assert orjson.loads((CHAT / "2025-11-06.json").read_bytes())["messages"] == []
    assert status_of(kept)["days_done"] == 3
    assert kept("verify").code == 0
    again = kept("accept", "daily_news", "2025-11-06")
    assert (again.code, again.error) == (1, "error: daily_news 2025-11-06: no deletion waits to be accepted")
