"""Days that fail: what is retried, what waits and gives the slot back, and what is told."""

from datetime import date

import dagster as dg
import pytest
import sqlalchemy as sa
from filelock import FileLock

from tg_fetcher_dagster.definitions import defs
from tg_fetcher_dagster.ledger.attempts import of_runs
from tg_fetcher_dagster.ledger.batches import Batch, put
from tg_fetcher_dagster.ledger.database import now
from tg_fetcher_dagster.ledger.tables import asks, batches, requests
from tg_fetcher_dagster.requests.asking import DAILY, NewRequest, ask
from tg_fetcher_dagster.requests.registration import begin_run
from tg_fetcher_dagster.telegram.open_reader import open_reader
from tg_fetcher_dagster_tests.defs.deployment import Deployment, ends, failure_of

DAYS = [f"2025-11-{day:02}" for day in range(1, 9)]


def retries(result: dg.ExecuteInProcessResult) -> int:
    return sum(event.event_type_value == "STEP_UP_FOR_RETRY" for event in result.all_events)


def said(result: dg.ExecuteInProcessResult) -> str:
    return str(failure_of(result).user_failure_data.description)


def open_days(deployment: Deployment) -> dict[str, float]:
    """Returns until when the open asks wait, by their day."""
    with deployment.ledger.read() as connection:
        rows = connection.execute(sa.select(asks).where(asks.c.state == "open", asks.c.batch_id.is_(None)))
        return {str(row.date): row.wait_until for row in rows}


def ask_for(deployment: Deployment, request_id: str, day: date, *, batch_id: str) -> None:
    """A command's request for a day, with the batch that the reconciler has cut for it."""
    asked = NewRequest(source="cli", days={"def_busy": (day,)}, command_id="c1", request_id=request_id)
    batch = Batch(batch_id=batch_id, chats=("def_busy",), first=day, last=day, asked_at=now())
    with deployment.ledger.write() as connection:
        put(connection, batch)
        ask(connection, asked, now=now(), batch_id=batch_id)


def end_of(deployment: Deployment, result: dg.ExecuteInProcessResult) -> str | None:
    with deployment.ledger.read() as connection:
        return of_runs(connection, [result.run_id])[result.run_id].end


def test_a_disk_that_refuses_one_day_is_waited_for_and_spoils_no_other(deployment: Deployment) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="1")
    in_the_way = deployment.store.day("def_busy", date(2025, 11, 3)).raw
    in_the_way.mkdir(parents=True)
    (in_the_way / "something").touch()

    result = deployment.fetch("def_busy", "2025-11-02", "2025-11-05")

    assert not result.success
    assert retries(result) == 0
    assert sorted(deployment.materializations()) == ["def_busy|2025-11-04", "def_busy|2025-11-05"]
    assert failure_of(result).user_failure_data.metadata["error_type"].value == "storage"
    assert "it will be done by itself: 2 of 4 days not fetched" in said(result)
    assert set(open_days(deployment)) == {"2025-11-02", "2025-11-03"}
    assert ends(deployment.recorded()) == [
        ("def_busy", "2025-11-04", "messages_fetched"),
        ("def_busy", "2025-11-05", "messages_fetched"),
    ]


def test_a_server_that_fails_is_asked_again_by_the_step_and_each_day_is_shown_once(
    deployment: Deployment,
) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="1")
    deployment.add_chats("def_news", "def_busy")
    deployment.sandbox.add_fault(method="channels.getFullChannel", times=20, error="INTERNAL")

    result = deployment.fetch(("def_news", "def_busy"), "2025-11-03", "2025-11-04")

    shown = deployment.instance.fetch_materializations(dg.AssetKey("messages"), limit=100).records
    keys = [record.partition_key for record in shown]
    assert len(keys) == len(set(keys))
    checks = [(each.check_name, each.partition) for each in result.get_asset_check_evaluations()]
    assert len(checks) == len(set(checks)) == 5 * len(keys)


def test_a_long_flood_gives_the_slot_back_and_tells_nobody(deployment: Deployment) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="3")
    deployment.sandbox.add_fault(method="messages.getHistory", flood_wait=4000)

    result = deployment.fetch("def_busy", "2025-11-07")

    assert not result.success
    assert retries(result) == 0
    assert deployment.recorded() == []
    assert said(result).startswith("waits until 20")
    assert " UTC; it will be done by itself: 1 of 1 day not fetched: def_busy|2025-11-07: " in said(result)
    assert "\n" not in said(result)
    [until] = open_days(deployment).values()
    with deployment.ledger.read() as connection:
        [began] = connection.execute(sa.select(requests.c.received_at)).scalars()
    assert until - began == pytest.approx(4000, abs=600)  # with jitter
    assert end_of(deployment, result) == "waits"


def test_a_limited_account_is_asked_once_and_its_days_wait_a_day(deployment: Deployment) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="3")
    deployment.add_chats("def_busy", "def_news")
    deployment.sandbox.add_fault(method="messages.getHistory", error="PEER_FLOOD")

    result = deployment.fetch(("def_busy", "def_news"), "2025-11-07")

    assert not result.success
    assert retries(result) == 0
    assert deployment.history_requests() == 1
    with deployment.ledger.read() as connection:
        began = connection.execute(sa.select(requests.c.received_at)).scalar_one()
        waits = connection.execute(sa.select(asks.c.wait_until)).scalars().all()
    assert [until - began for until in waits] == [pytest.approx(86_400, abs=600)] * 2


def test_a_chat_that_cannot_be_read_is_not_retried(deployment: Deployment) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="3")
    result = deployment.fetch("def_closed", "2025-11-03")
    assert not result.success
    assert retries(result) == 0
    assert end_of(deployment, result) == "failed"
    [event] = deployment.recorded()
    assert (event["event"], event["error_type"], event["retryable"]) == ("fetch_failed", "no_access", False)
    assert event["command_ids"] == []


def ask_daily(deployment: Deployment, day: date, *chats: str) -> None:
    """A daily round's request for a day, with the batch that the reconciler has cut for it."""
    batch = Batch(batch_id="b1", chats=chats, first=day, last=day, priority=DAILY, asked_at=now())
    with deployment.ledger.write() as connection:
        put(connection, batch)
        for chat in chats:
            asked = NewRequest(source="schedule", days={chat: (day,)})
            ask(connection, asked, now=now(), batch_id="b1")


def test_a_chat_that_cannot_be_read_makes_no_daily_run_red(deployment: Deployment) -> None:
    day = "2025-11-03"
    ask_daily(deployment, date(2025, 11, 3), "def_closed", "def_busy")
    deployment.add_chats("def_closed", "def_busy")

    result = deployment.fetch(("def_closed", "def_busy"), day, batch_id="b1")

    assert result.success
    assert list(deployment.materializations()) == [f"def_busy|{day}"]
    assert {each.partition for each in result.get_asset_check_evaluations()} == {f"def_busy|{day}"}
    assert any("1 of 2 days not fetched: def_closed|" in line for line in deployment.said(result.run_id))
    assert ends(deployment.recorded()) == [
        ("def_busy", day, "messages_fetched"), ("def_closed", day, "fetch_failed"),
    ]  # fmt: skip


def test_another_failure_makes_a_daily_run_red(deployment: Deployment) -> None:
    ask_daily(deployment, date(2025, 11, 3), "def_closed", "def_busy")
    deployment.add_chats("def_closed", "def_busy")
    deployment.sandbox.add_fault(method="messages.getHistory", flood_wait=4000)
    assert not deployment.fetch(("def_closed", "def_busy"), "2025-11-03", batch_id="b1").success


def test_a_session_that_telegram_ended_is_waited_for(deployment: Deployment) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="3")
    deployment.sandbox.add_fault(method="*", error="SESSION_REVOKED")
    result = deployment.fetch("def_busy", "2025-11-06")
    assert not result.success
    assert retries(result) == 0
    assert deployment.recorded() == []
    assert "it will be done by itself" in said(result)
    assert set(open_days(deployment)) == {"2025-11-06"}


def test_an_account_that_another_process_holds_is_waited_for_and_is_no_failure(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="3", REDIS_URL="")
    # How long it waits for its turn; the other process would be ended by then, or not.
    monkeypatch.setitem(open_reader.__wrapped__.__kwdefaults__, "lease_wait", 0.0)
    ask_for(deployment, "command-1", date(2025, 11, 3), batch_id="b1")
    with FileLock(deployment.settings.session_dir / "main.lock"):
        result = deployment.fetch("def_busy", "2025-11-03", batch_id="b1")

    assert not result.success
    assert retries(result) == 0
    assert "it will be done by itself" in said(result)
    assert "is in use by" in said(result)
    assert deployment.recorded() == []
    with deployment.ledger.read() as connection:
        [ask] = connection.execute(sa.select(asks)).all()
    assert (ask.state, ask.tries, ask.error_type) == ("open", 0, "account_busy")
    assert set(open_days(deployment)) == {"2025-11-03"}


def fetch_days_job() -> dg.JobDefinition:
    """The job, as Dagster makes it anew in a run's process."""
    return defs().resolve_job_def("fetch_days")


def test_a_re_execution_of_a_commands_run_is_a_request_of_its_own_and_is_told_anew(
    deployment: Deployment,
) -> None:
    ask_for(deployment, "command-1", date(2025, 11, 3), batch_id="b1")
    first = deployment.fetch("def_busy", "2025-11-03", batch_id="b1")
    assert first.success
    run = deployment.instance.get_run_by_id(first.run_id)
    assert run is not None

    with dg.execute_job(
        dg.reconstructable(fetch_days_job),
        instance=deployment.instance,
        run_config={**run.run_config, "loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        tags={name: value for name, value in run.tags.items() if "asset_partition" in name},
        reexecution_options=dg.ReexecutionOptions(parent_run_id=run.run_id),
    ) as again:
        assert again.success
        assert again.run_id != run.run_id

    told = deployment.recorded()
    assert [event["event"] for event in told] == ["messages_fetched", "fetch_skipped"]
    with deployment.ledger.read() as connection:
        owners = dict(connection.execute(sa.select(batches.c.batch_id, batches.c.run_id)).all())
    assert owners == {"b1": first.run_id, f"ui-{again.run_id}": again.run_id}


def test_a_second_run_of_a_batch_ends_at_once_with_one_line(deployment: Deployment) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="3")
    ask_for(deployment, "command-1", date(2025, 11, 3), batch_id="b1")
    begin_run(deployment.ledger, run_id="another", batch_id="b1", parent_run_id=None, chats={})

    result = deployment.fetch("def_busy", "2025-11-03", batch_id="b1")

    assert not result.success
    assert retries(result) == 0
    assert said(result).startswith("run another does batch b1 already: this run reads nothing. What to do: ")
    assert deployment.sandbox.requests == []
    assert deployment.recorded() == []


def test_a_range_that_has_come_to_hold_other_chats_is_not_read(deployment: Deployment) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="3")
    ask_for(deployment, "command-1", date(2025, 11, 3), batch_id="b1")

    result = deployment.fetch(("def_busy", "def_news"), "2025-11-03", batch_id="b1")

    assert not result.success
    assert retries(result) == 0
    assert said(result).startswith("batch b1 asks for other chats than this run's partitions: def_news;")
    assert deployment.sandbox.requests == []


def test_the_days_of_a_run_of_the_ui_are_told_anew_each_time(deployment: Deployment) -> None:
    first = deployment.fetch("def_busy", "2025-11-03", "2025-11-04")
    assert first.success
    assert deployment.fetch("def_busy", "2025-11-03", "2025-11-04").success
    assert ends(deployment.recorded()) == [
        ("def_busy", "2025-11-03", "fetch_skipped"),
        ("def_busy", "2025-11-03", "messages_fetched"),
        ("def_busy", "2025-11-04", "fetch_skipped"),
        ("def_busy", "2025-11-04", "messages_fetched"),
    ]
    with deployment.ledger.read() as connection:
        rows = connection.execute(sa.select(requests.c.source, requests.c.state, requests.c.open_days))
        assert {tuple(row) for row in rows} == {("ui", "done", 0)}


def test_a_partition_that_somebody_added_by_hand_is_shown_under_the_chats_own_key(
    deployment: Deployment,
) -> None:
    deployment.add_chats("@Def_Busy")
    result = deployment.execute(
        "fetch_days",
        tags={
            "dagster/asset_partition_range_start": "@Def_Busy|2025-11-03",
            "dagster/asset_partition_range_end": "@Def_Busy|2025-11-04",
        },
    )
    assert result.success
    made = deployment.materializations()
    assert made["def_busy|2025-11-03"].metadata["dagster/partition_row_count"].value == 30
    assert made["@Def_Busy|2025-11-03"].metadata["kept_as"].value == "def_busy|2025-11-03"
    assert "def_busy" in deployment.instance.get_dynamic_partitions("chats")
    assert ends(deployment.recorded()) == [
        ("def_busy", f"2025-11-0{day}", "messages_fetched") for day in (3, 4)
    ]


@pytest.mark.parametrize("stray", ["nobody_here", "what is this"])
def test_a_partition_that_is_no_chat_fails_by_name_and_spoils_nothing_else(
    deployment: Deployment, stray: str
) -> None:
    deployment.write_env(MAX_RETRY_ATTEMPTS="3")
    deployment.add_chats(stray, "def_busy")
    result = deployment.execute(
        "fetch_days",
        tags={
            "dagster/asset_partition_range_start": f"{stray}|2025-11-03",
            "dagster/asset_partition_range_end": "def_busy|2025-11-03",
        },
    )
    assert not result.success
    assert retries(result) == 0
    assert list(deployment.materializations()) == ["def_busy|2025-11-03"]
    assert said(result).startswith(f"1 of 2 days not fetched: {stray}|2025-11-03: ")
    assert "\n" not in said(result)
    assert not [event for event in result.all_events if event.event_type_value == "HOOK_ERRORED"]
    told = ends(deployment.recorded())
    assert ("def_busy", "2025-11-03", "messages_fetched") in told
    assert [each for each in told if each[0] != "def_busy"] == (
        [("nobody_here", "2025-11-03", "fetch_failed")] if stray == "nobody_here" else []
    )
