"""A process that is killed at any step of a day's commit, and whoever comes after it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from tg_fetcher_dagster.durable_files import sha256_of
from tg_fetcher_dagster.fetching import committing
from tg_fetcher_dagster.fetching.committing import drafts_on_their_way, recover_intents
from tg_fetcher_dagster.ledger import asks, intents, outbox
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.metrics.counted import FETCHES, MESSAGES
from tg_fetcher_dagster.storage.coverage import read_coverage
from tg_fetcher_dagster.storage.day_writer import DayWriter
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.storage.raw_file import read_raw
from tg_fetcher_dagster_tests.fetching.asking import ask
from tg_fetcher_dagster_tests.fetching.committing_day import (
    CHAT,
    commit,
    commit_new,
    facts_of,
    killed_at,
    recover,
    store_at,
    wait_for,
)
from tg_fetcher_dagster_tests.fixtures_ledger import NewLedger
from tg_fetcher_dagster_tests.measured import totals_of
from tg_fetcher_dagster_tests.storage.writing import DAY, temporary_files

ALL_NEW = {"day": "new", "sides": {"new"}, "record": "new", "true": True}
ALL_OLD = {"day": "old", "sides": {"old"}, "record": "old", "true": True}


class Deployment:
    """A ledger and a folder with the old content of a day, and somebody who asks for the new one."""

    def __init__(self, url: str, data_dir: Path) -> None:
        self.url, self.data_dir = url, data_dir
        self.ledger = Ledger.open(url)
        self.paths: DayPaths = store_at(data_dir).day(CHAT, DAY)
        assert commit(self.ledger, self.paths, "old", batch_id="batch-1")
        wait_for(self.paths)
        ask(self.ledger, CHAT, DAY, batch_id="batch-2", command_id="command-7")

    def facts(self) -> dict[str, Any]:
        return facts_of(self.ledger, self.paths)

    def told(self, batch_id: str) -> list[dict[str, Any]]:
        with self.ledger.read() as connection:
            recorded = outbox.recorded_after(connection, 0, 1000)
        return [orjson.loads(each.body) for each in recorded if each.request_id == batch_id]

    def is_on_its_way(self) -> bool:
        with self.ledger.read() as connection:
            return intents.of_day(connection, CHAT, DAY) is not None

    def is_awaited(self) -> bool:
        with self.ledger.read() as connection:
            return bool(asks.askers_of(connection, "batch-2", CHAT, DAY))

    def recover(self) -> None:
        recover_intents(self.ledger, store_at(self.data_dir), CHAT)

    def assert_it_came_to_its_end(self) -> None:
        """All of it is new, told once, and nothing is left over."""
        assert self.facts() == ALL_NEW
        [event] = self.told("batch-2")
        assert (event["event"], event["command_ids"]) == ("messages_fetched", ["command-7"])
        assert not self.is_awaited()
        assert not self.is_on_its_way()
        counted = totals_of(self.ledger)
        assert counted[FETCHES.name, ("fetched",)] == 2, "the old content and the new one, each once"
        assert counted[MESSAGES.name, (CHAT,)] == 4
        assert temporary_files(self.paths) == []
        assert not self.paths.candidate.exists()
        assert not list(self.paths.stragglers.glob("*.jsonl"))
        [kept] = self.paths.versions.glob("*.json")
        assert b"old" in kept.read_bytes()
        [kept_raw] = self.paths.versions.glob("*.zst")
        assert next(read_raw(kept_raw))["text"] == "old"


@pytest.fixture
def deployments(new_ledger: NewLedger, tmp_path: Path) -> Any:
    made: list[Deployment] = []

    def make() -> Deployment:
        made.append(Deployment(new_ledger(), tmp_path / f"data-{len(made)}"))
        return made[-1]

    yield make
    for each in made:
        each.ledger.close()


def test_a_commit_that_is_killed_at_any_step_is_undone_or_comes_to_its_end_once(deployments: Any) -> None:
    undone = finished = step = 0
    while True:
        step += 1
        one = deployments()
        if not killed_at(step, commit_new, one.url, one.data_dir):
            break
        was_on_its_way = one.is_on_its_way()
        if not was_on_its_way and one.facts()["record"] == "old":
            undone += 1
            assert one.facts() == ALL_OLD
            assert one.told("batch-2") == []
            assert one.is_awaited()
        one.recover()
        if was_on_its_way:
            finished += 1
            one.assert_it_came_to_its_end()
        if one.facts()["record"] == "old":
            assert one.facts() == ALL_OLD
            assert commit(one.ledger, one.paths, "new", batch_id="batch-2", later=timedelta(hours=1))
        one.recover()
        one.assert_it_came_to_its_end()
    assert undone >= 8, "the drafts' fsyncs and the intent's own commit"
    assert finished >= 10, "the version's links, the renames, the candidate, the straggler, the last commit"
    one.assert_it_came_to_its_end()


def test_a_recovery_that_is_killed_at_any_step_is_gone_on_with(deployments: Any) -> None:
    began = 1
    while killed_at(began, commit_new, (one := deployments()).url, one.data_dir) and not one.is_on_its_way():
        began += 1
    step = 0
    was_killed = True
    while was_killed:
        step += 1
        one = deployments()
        assert killed_at(began, commit_new, one.url, one.data_dir)
        assert one.is_on_its_way()
        was_killed = killed_at(step, recover, one.url, one.data_dir)
        one.recover()
        one.assert_it_came_to_its_end()
    assert step > 8


def test_drafts_that_an_intent_names_are_not_cleaned_away(deployments: Any) -> None:
    one = deployments()
    step = 1
    while killed_at(step, commit_new, one.url, one.data_dir) and not one.is_on_its_way():
        step += 1
    left = temporary_files(one.paths)
    assert len(left) == 5

    with DayWriter(one.paths, is_spared=lambda draft: draft in drafts_on_their_way(one.ledger, one.paths)):
        assert set(left) <= set(temporary_files(one.paths))

    one.recover()
    one.assert_it_came_to_its_end()


def test_a_day_whose_drafts_are_lost_is_read_again_and_told_to_nobody(deployments: Any) -> None:
    one = deployments()
    step = 1
    while killed_at(step, commit_new, one.url, one.data_dir) and not one.is_on_its_way():
        step += 1
    for name in temporary_files(one.paths):
        for path in one.paths.folder.rglob(name):
            path.unlink()

    one.recover()

    assert not one.is_on_its_way()
    assert one.told("batch-2") == []
    assert one.is_awaited()
    proved = read_coverage(one.ledger, one.paths)
    assert proved is not None
    assert not proved.settled
    assert proved.needs_read == committing.LOST


def test_a_reading_that_was_compared_with_what_is_gone_changes_nothing(deployments: Any) -> None:
    """Another host, which the chat's lock does not keep out, has committed in between."""
    one = deployments()

    def other_host() -> None:
        assert commit(one.ledger, one.paths, "new", batch_id="batch-2", later=timedelta(hours=1))

    assert not commit(one.ledger, one.paths, "late", batch_id="batch-3", meanwhile=other_host)

    one.recover()
    one.assert_it_came_to_its_end()
    assert one.told("batch-3") == []


def test_a_process_that_stood_still_does_not_undo_what_was_done_meanwhile(
    deployments: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It wakes before its last transaction; its day was brought to its end and read anew by another host."""
    one = deployments()
    really = committing._end

    def stands_still(*args: Any) -> None:
        monkeypatch.setattr(committing, "_end", really)
        one.recover()
        assert commit(
            one.ledger,
            one.paths,
            "newest",
            batch_id="batch-3",
            later=timedelta(hours=2),
            meanwhile=lambda: None,
        )
        really(*args)

    monkeypatch.setattr(committing, "_end", stands_still)
    assert commit(
        one.ledger,
        one.paths,
        "new",
        batch_id="batch-2",
        later=timedelta(hours=1),
        meanwhile=lambda: None,
    )

    assert len(one.told("batch-2")) == len(one.told("batch-3")) == 1
    proved = read_coverage(one.ledger, one.paths)
    assert proved is not None
    assert proved.event_request == "batch-3"
    assert sha256_of(one.paths.day_file) == proved.checksum_sha256


def test_two_hosts_that_begin_to_commit_a_day_at_once_are_told_so(deployments: Any) -> None:
    one = deployments()
    with one.ledger.write() as connection:
        assert intents.put(connection, CHAT, DAY, intent_id="theirs", intent="{}")
        assert not intents.put(connection, CHAT, DAY, intent_id="mine", intent="{}")


def test_a_day_that_is_committed_after_its_batch_gave_it_up_is_told_all_the_same(deployments: Any) -> None:
    """A process that stood still: its batch was settled, and told that the day failed."""
    one = deployments()
    with one.ledger.write() as connection:
        outbox.put(
            connection,
            event_id="e",
            request_id="batch-2",
            event="fetch_failed",
            chat=CHAT,
            date=DAY,
            body="{}",
        )

    assert commit(one.ledger, one.paths, "new", batch_id="batch-2", later=timedelta(hours=1))

    with one.ledger.read() as connection:
        recorded = outbox.recorded_after(connection, 0, 1000)
    assert [each.event for each in recorded] == ["messages_fetched", "fetch_failed", "messages_fetched"]
    proved = read_coverage(one.ledger, one.paths)
    assert proved is not None
    assert orjson.loads(recorded[-1].body)["checksum_sha256"] == proved.checksum_sha256


@pytest.mark.parametrize("event", [{"event": "another_versions"}, {}])
def test_an_intent_with_an_event_of_another_version_ends_no_tick_and_the_day_is_read_again(
    deployments: Any, event: dict[str, Any]
) -> None:
    one = deployments()
    before = read_coverage(one.ledger, one.paths)
    assert before is not None
    kept = committing.Intent(request_id="batch-2", coverage=before, moves=(), end="fetched", event=event)
    with one.ledger.write() as connection:
        intents.put(connection, CHAT, DAY, intent_id=kept.intent_id, intent=kept.model_dump_json())

    assert recover_intents(one.ledger, store_at(one.data_dir)) == 1

    assert recover_intents(one.ledger, store_at(one.data_dir)) == 0
    proved = read_coverage(one.ledger, one.paths)
    assert proved is not None
    assert proved.needs_read == committing.LOST
