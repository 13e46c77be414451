import datetime as dt
import json

import pytest

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.requests.following import RunState, RunStatus
from tg_fetcher_dagster.requests.ticking import ChatFacts, Rules
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster_tests.requests.world import NAME, NOW, Outcome, World, network


@pytest.fixture
def world(tmp_path, redis_client):
    made = World(tmp_path, redis_client)
    made.knows("ru_python")
    return made


def november(*days):
    return tuple(dt.date(2025, 11, day) for day in days)


def failed_days(world):
    return [
        (failure.chat, failure.day and failure.day.day, failure.error.message) for failure in world.failures
    ]


def test_a_command_becomes_a_run_and_is_settled_when_the_run_succeeded(world):
    world.push(date="2025-11-07", command_id="c1", correlation_id="k1", requested_by="scheduler")
    (batch,) = world.tick().start
    assert (batch.chat_key, batch.days, batch.today) == ("ru_python", november(7), False)
    assert (batch.command_ids, batch.correlation_id) == (("c1",), "k1")
    assert batch.asked[0].requested_by == "scheduler"
    world.runs[batch.run_key] = RunState(RunStatus.ACTIVE)
    waiting = world.tick()
    assert (waiting.start, waiting.settled, waiting.open_batches) == ([], [], 1)
    assert world.queue().lengths()["processing"] == 1
    world.ends(batch)
    done = world.tick()
    assert (len(done.settled), done.dead, done.open_batches) == (1, [], 0)
    assert world.is_empty()
    assert world.failures == []


def test_a_batch_is_returned_until_its_run_exists(world):
    world.push(date="2025-11-07")
    (first,) = world.tick().start
    (again,) = world.tick().start
    assert first == again


def test_neighbouring_commands_in_any_spelling_share_a_run_and_are_settled_together(world):
    world.push("@ru_python", date="2025-11-07")
    world.push("-1001234567890", date="2025-11-08")
    world.push("https://t.me/ru_python", mode="range", **{"from": "2025-11-08", "to": "2025-11-09"})
    (batch,) = world.tick().start
    assert batch.days == november(7, 8, 9)
    world.ends(batch)
    assert len(world.tick().settled) == 3
    assert world.is_empty()


def test_a_paused_chat_is_fetched_when_a_command_says_so(world):
    world.table.set_paused("ru_python", paused=True)
    world.push()
    assert len(world.tick().start) == 1


def test_today_becomes_a_batch_of_its_own(world):
    world.push(mode="today")
    (batch,) = world.tick().start
    assert (batch.today, batch.days) == (True, november(14))


def test_today_is_the_day_of_the_deployments_zone(world):
    settings = Settings.read(timezone="Asia/Vladivostok", history_start="2025-11-01", force_refetch=True)
    world.rules = Rules.from_settings(settings)
    world.now = dt.datetime(2025, 11, 14, 20, tzinfo=dt.UTC)
    world.push(mode="yesterday")
    (batch,) = world.tick().start
    assert batch.days == november(14)
    assert batch.force


@pytest.mark.parametrize(
    "raw", ["no json", "[]", '{"command":"fetch"}', '{"command":"stop","chat":"@ru_python"}']
)
def test_an_invalid_command_is_told_of_and_dead_lettered_and_the_next_one_goes_on(world, raw):
    world.client.rpush(NAME, raw)
    world.push(date="2025-11-07")
    result = world.tick()
    assert len(result.dead) == 1
    assert len(result.start) == 1
    (letter,) = world.dead_letters()
    assert letter["error_type"] == "validation"
    assert letter["failed_at"] == "2025-11-14T12:00:00Z"
    assert letter["retry_count"] == 0
    (failure,) = world.failures
    assert failure.error.message == letter["error"]
    assert failure.day is None


def test_an_invalid_commands_event_names_its_chat_and_command_as_far_as_they_can_be_read(world):
    world.push("t.me/Ru_Python", mode="weekly", command_id="c1", correlation_id="k1")
    world.tick()
    (failure,) = world.failures
    assert (failure.chat, failure.command_ids, failure.correlation_id) == ("ru_python", ("c1",), "k1")


def test_refused_days_are_told_of_and_the_others_go_on(world):
    world.push(mode="range", **{"from": "2025-11-13", "to": "2025-11-16"})
    result = world.tick()
    assert [(batch.days, batch.today) for batch in result.start] == [
        (november(13), False),
        (november(14), True),
    ]
    assert failed_days(world) == [
        ("ru_python", 15, "2025-11-15 has not begun (today is 2025-11-14)"),
        ("ru_python", 16, "2025-11-16 has not begun (today is 2025-11-14)"),
    ]
    assert world.dead_letters() == []


def test_a_command_for_refused_days_only_is_dead_lettered(world):
    world.push(date="2024-12-31")
    assert world.tick().start == []
    assert failed_days(world) == [("ru_python", 31, "2024-12-31 is before HISTORY_START 2025-01-01")]
    assert world.dead_letters()[0]["error"] == "2024-12-31 is before HISTORY_START 2025-01-01"
    assert world.is_empty()


def test_identical_commands_share_a_run_and_are_each_settled(world):
    for _ in range(3):
        world.push(date="2025-11-07", command_id="c1")
    (batch,) = world.tick().start
    assert batch.command_ids == ("c1",)
    assert len(batch.claim_ids) == 3
    world.ends(batch)
    assert len(world.tick().settled) == 3
    assert world.is_empty()


def test_two_ticks_at_once_decide_only_once(world):
    world.push(date="2025-11-07")
    world.client.rpush(NAME, "no json")
    second = []
    world.tick(tell=lambda _failure: second.append(world.tick()) if not second else None)
    assert len(world.dead_letters()) == 1
    (batch,) = world.tick().start
    assert second[0].start == [batch]
    world.ends(batch)
    assert len(world.tick().settled) == 1
    assert world.is_empty()


def test_incremental_asks_for_the_days_that_are_not_final(world):
    world.facts = ChatFacts(first_fetched=dt.date(2025, 11, 10), final_days=frozenset(november(10, 12)))
    world.push(mode="incremental")
    assert [batch.days for batch in world.tick().start] == [november(11), november(13)]


def test_a_command_with_nothing_to_do_is_settled_with_a_note(world):
    world.facts = ChatFacts(first_fetched=dt.date(2025, 11, 13), final_days=frozenset(november(13)))
    world.push(mode="incremental", command_id="c1")
    result = world.tick()
    assert result.notes == [("c1", "every day to yesterday is complete")]
    assert (len(result.settled), result.dead) == (1, [])
    assert world.is_empty()


# --- runs that do not end well ---------------------------------------------------------------------------


def test_a_worker_that_died_is_replaced_for_the_missing_days_only(world):
    world.push(mode="range", **{"from": "2025-11-01", "to": "2025-11-05"})
    (batch,) = world.tick().start
    world.ends(batch, RunStatus.FAILED, without=november(2, 3))
    (again,) = world.tick().start
    assert again.batch_id == batch.batch_id
    assert again.run_key != batch.run_key
    assert again.days == november(2, 3)
    assert world.tick().start == [again]
    world.ends(again)
    assert len(world.tick().settled) == 1
    assert world.is_empty()
    assert (world.failures, world.dead_letters()) == ([], [])


def test_workers_that_die_each_time_end_in_the_dead_letters(world):
    world.push(mode="range", **{"from": "2025-11-01", "to": "2025-11-02"})
    result = world.tick()
    attempts = 0
    while result.start:
        attempts += 1
        world.ends(result.start[0], RunStatus.FAILED, without=november(2))
        result = world.tick()
    assert attempts == 1 + world.rules.max_attempts
    (failed_day,) = failed_days(world)
    assert failed_day[:2] == ("ru_python", 2)
    assert "3 times" in failed_day[2]
    (letter,) = world.dead_letters()
    assert (letter["error_type"], letter["retry_count"]) == ("internal", 3)
    assert world.is_empty()


def test_a_day_that_failed_for_good_dead_letters_only_the_commands_that_asked_for_it(world):
    world.push(date="2025-11-01", command_id="good")
    world.push(date="2025-11-02", command_id="bad")
    (batch,) = world.tick().start
    world.ends(batch, RunStatus.FAILED, failing=november(2))
    result = world.tick()
    assert (len(result.settled), len(result.dead)) == (2, 1)
    (letter,) = world.dead_letters()
    assert (letter["command_id"], letter["error_type"], letter["error"]) == (
        "bad",
        "no_access",
        "may not read",
    )
    assert world.failures == []


def test_a_failed_day_is_not_forgotten_when_the_missing_ones_come_in_later(world):
    world.push(mode="range", **{"from": "2025-11-01", "to": "2025-11-03"})
    (batch,) = world.tick().start
    world.ends(batch, RunStatus.FAILED, failing=november(1), without=november(3))
    (again,) = world.tick().start
    assert again.days == november(3)
    world.ends(again)
    world.tick()
    assert world.dead_letters()[0]["error"] == "may not read"
    assert world.is_empty()


def test_a_run_that_failed_for_all_days_with_a_lasting_reason_is_not_tried_again(world):
    world.push(date="2025-11-01")
    (batch,) = world.tick().start
    lasting = FetchError(ErrorType.AUTH, "the session was revoked: tg-fetcher login")
    world.ends(batch, RunStatus.FAILED, error=lasting, without=november(1))
    assert world.tick().start == []
    assert failed_days(world) == [("ru_python", 1, lasting.message)]
    assert world.dead_letters()[0]["error_type"] == "auth"


def test_a_long_flood_is_waited_for_and_then_the_days_are_asked_for_again(world):
    world.push(date="2025-11-01")
    (batch,) = world.tick().start
    flood = FetchError(ErrorType.RATE_LIMIT, "flood", retry_after=3600)
    world.ends(batch, RunStatus.FAILED, error=flood, without=november(1))
    assert world.tick().start == []
    assert world.client.zrange(f"{NAME}:delayed", 0, -1, withscores=True) == [
        (batch.batch_id.encode(), NOW.timestamp() + 3600)
    ]
    world.now += dt.timedelta(minutes=59)
    assert world.tick().start == []
    world.now += dt.timedelta(minutes=2)
    (again,) = world.tick().start
    assert again.run_key == f"{batch.batch_id}-2"
    world.ends(again)
    world.tick()
    assert world.is_empty()
    assert world.dead_letters() == []


def test_a_day_that_failed_in_a_flood_is_asked_for_again(world):
    world.push(date="2025-11-01")
    (batch,) = world.tick().start
    world.runs[batch.run_key] = RunState(RunStatus.FAILED)
    day = (batch.chat_key, batch.first)
    world.told[batch.batch_id] = {day: Outcome("fetch_failed", ErrorType.RATE_LIMIT, "flood")}
    assert world.tick().start == []
    world.now += dt.timedelta(minutes=2)
    (again,) = world.tick().start
    world.ends(again)
    assert len(world.tick().settled) == 1
    assert world.dead_letters() == []


def test_floods_without_an_end_are_given_up(world):
    world.push(date="2025-11-01")
    flood = FetchError(ErrorType.RATE_LIMIT, "flood", retry_after=60)
    runs = 0
    while not world.is_empty():
        for batch in world.tick().start:
            runs += 1
            world.ends(batch, RunStatus.FAILED, error=flood, without=november(1))
        world.now += dt.timedelta(seconds=61)
    assert runs == 25
    assert world.dead_letters()[0]["error_type"] == "rate_limit"
    assert failed_days(world) == [("ru_python", 1, "flood")]


def test_a_green_run_that_left_a_day_without_an_answer_loses_no_command(world):
    world.push(mode="today")
    (batch,) = world.tick().start
    world.now += dt.timedelta(days=1)
    world.ends(batch, without=batch.days)
    (again,) = world.tick().start
    assert (again.days, again.attempt) == (batch.days, 2)
    world.ends(again)
    assert len(world.tick().settled) == 1
    assert world.is_empty()


def test_a_green_run_never_leaves_a_day_untold_however_often(world):
    world.push(date="2025-11-07")
    (batch,) = world.tick().start
    for _ in range(world.rules.max_attempts):
        world.ends(batch, without=batch.days)
        (batch,) = world.tick().start
    world.ends(batch, without=batch.days)
    assert len(world.tick().dead) == 1
    ((chat, day, _),) = failed_days(world)
    assert (chat, day) == ("ru_python", 7)


def test_many_refused_commands_are_told_of_over_several_ticks(world, monkeypatch):
    monkeypatch.setattr("tg_fetcher_dagster.requests.intake.FAILURES_A_TICK", 20)
    world.rules = Rules(history_start=dt.date(2025, 11, 10), zone=world.rules.zone, max_attempts=2)
    for _ in range(3):
        world.push(mode="range", **{"from": "2025-10-01", "to": "2025-11-09"})
    ticks = [world.tick() for _ in range(4)]
    assert [len(tick.failures) for tick in ticks] == [40, 40, 40, 0]
    assert [len(tick.dead) for tick in ticks] == [1, 1, 1, 0]
    assert world.is_empty()


def test_a_canceled_run_is_told_of_and_not_started_again(world):
    world.push(mode="range", **{"from": "2025-11-01", "to": "2025-11-02"})
    (batch,) = world.tick().start
    world.ends(batch, RunStatus.CANCELED, without=november(2))
    assert world.tick().start == []
    assert failed_days(world) == [("ru_python", 2, "canceled by an operator")]
    assert world.dead_letters()[0]["error"] == "canceled by an operator"
    assert world.is_empty()


def test_a_batch_of_another_version_is_planned_anew(world):
    world.push(date="2025-11-01")
    (batch,) = world.tick().start
    world.client.hset(f"{NAME}:batches", batch.batch_id, '{"batch_id":"?"}')
    world.tick()
    (again,) = world.tick().start
    assert again == batch


def test_more_runs_than_a_tick_may_ask_for_come_with_the_next_ticks(world):
    world.rules = Rules(history_start=dt.date(2025, 1, 1), zone=world.rules.zone, starts_a_tick=2)
    for day in (1, 3, 5):
        world.push(date=f"2025-11-0{day}")
    first = world.tick().start
    assert [batch.first.day for batch in first] == [1, 3]
    for batch in first:
        world.ends(batch)
    assert [batch.first.day for batch in world.tick().start] == [5]


# --- chats that are not known yet -------------------------------------------------------------------------


def test_unknown_chats_are_resolved_by_one_run_and_then_planned(world):
    world.push("@new_chat", date="2025-11-01")
    world.push("t.me/NEW_chat", date="2025-11-02")
    world.push("@other_chat", date="2025-11-02")
    world.push(date="2025-11-02")
    result = world.tick()
    (request,) = result.resolve
    assert request.spellings == ("new_chat", "other_chat")
    assert request.run_key.endswith("-1")
    assert [batch.chat_key for batch in result.start] == ["ru_python"]
    assert world.tick().resolve == [request]
    world.runs[request.run_key] = RunState(RunStatus.ACTIVE)
    assert world.tick().resolve == []
    world.resolves(request, known=("new_chat", "other_chat"))
    started = {batch.chat_key: batch.days for batch in world.tick().start}
    assert started == {"ru_python": november(2), "new_chat": november(1, 2), "other_chat": november(2)}


def test_a_chat_that_does_not_exist_ends_in_an_event_for_each_day_and_a_dead_letter(world):
    world.push("@nobody_here", mode="days", days=2)
    (request,) = world.tick().resolve
    world.resolves(request, error=FetchError(ErrorType.NOT_FOUND, "no chat @nobody_here"))
    assert world.tick().resolve == []
    assert failed_days(world) == [
        ("nobody_here", 12, "no chat @nobody_here"),
        ("nobody_here", 13, "no chat @nobody_here"),
    ]
    assert world.dead_letters()[0]["error_type"] == "not_found"
    assert world.is_empty()


def test_a_later_command_for_the_same_chat_is_resolved_again(world):
    world.push("@nobody_here")
    (request,) = world.tick().resolve
    world.resolves(request, error=FetchError(ErrorType.NOT_FOUND, "no chat"))
    world.tick()
    world.now += dt.timedelta(minutes=1)
    world.push("@nobody_here", mode="full")
    (second,) = world.tick().resolve
    assert second.run_key != request.run_key
    assert len(world.dead_letters()) == 1


def test_a_resolve_that_may_pass_is_tried_again_after_the_flood(world):
    world.push("@new_chat")
    (request,) = world.tick().resolve
    world.resolves(request, error=FetchError(ErrorType.RATE_LIMIT, "flood", retry_after=600))
    assert world.tick().resolve == []
    assert world.tick().resolve == []
    world.now += dt.timedelta(seconds=601)
    (again,) = world.tick().resolve
    assert again.run_key == request.run_key[:-1] + "2"
    world.resolves(again, known=("new_chat",))
    assert [batch.chat_key for batch in world.tick().start] == ["new_chat"]


def test_a_chat_added_by_hand_while_its_resolve_waits_goes_on_at_once(world):
    world.push("@new_chat", date="2025-11-01")
    (request,) = world.tick().resolve
    world.resolves(request, error=FetchError(ErrorType.RATE_LIMIT, "flood", retry_after=600))
    world.tick()
    world.knows("new_chat", -1000000000100)
    (batch,) = world.tick().start
    world.ends(batch)
    world.tick()
    assert world.is_empty()


@pytest.mark.parametrize("error", [network(), None])
def test_a_resolve_that_fails_each_time_is_given_up(world, error):
    world.push("@new_chat", mode="full")
    keys = []
    for _ in range(20):
        for request in world.tick().resolve:
            keys.append(request.run_key)
            world.resolves(request, error=error)
            world.runs[request.run_key] = RunState(RunStatus.FAILED)
        world.now += dt.timedelta(seconds=1)
    assert [key[-1] for key in keys] == ["1", "2", "3"]
    assert world.dead_letters()[0]["retry_count"] == 2
    assert world.dead_letters()[0]["error_type"] == "network"
    assert [(failure.chat, failure.day) for failure in world.failures] == [("new_chat", None)]
    assert world.is_empty()


def test_a_canceled_resolve_ends_the_command(world):
    world.push("@new_chat")
    (request,) = world.tick().resolve
    world.runs[request.run_key] = RunState(RunStatus.CANCELED)
    world.tick()
    assert world.dead_letters()[0]["error"] == "resolving the chat was canceled by an operator"


def test_a_failure_is_told_before_the_claim_is_let_go(world):
    world.push(mode="weekly")

    def disk_full(_failure):
        raise FetchError(ErrorType.STORAGE, "no space left")

    with pytest.raises(FetchError, match="no space left"):
        world.tick(tell=disk_full)
    assert world.dead_letters() == []
    world.tick()
    assert len(world.failures) == len(world.dead_letters()) == 1


def test_a_command_that_breaks_the_parser_does_not_stop_the_queue(world, monkeypatch):
    from tg_fetcher_dagster.requests import intake

    whole = intake.parse_command

    def breaking(raw, *, made_up_id):
        if b"poison" in raw:
            raise RuntimeError("a fault of ours")
        return whole(raw, made_up_id=made_up_id)

    monkeypatch.setattr(intake, "parse_command", breaking)
    world.push("@poison")
    world.push(date="2025-11-01")
    assert len(world.tick().start) == 1
    (letter,) = world.dead_letters()
    assert letter["error_type"] == "internal"
    assert json.loads(json.dumps(letter))["chat"] == "@poison"
