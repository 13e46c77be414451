"""Keys and ranges of partitions: what a run is asked for, and how few runs ask for it."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tg_fetcher_dagster.defs.asked_days import days_of_chats, days_of_keys
from tg_fetcher_dagster.defs.partitions import (
    CHATS,
    chat_day_key,
    chat_days,
    keys_of_run,
    range_tags,
)
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.settings import DefinitionSettings

CHAT = st.from_regex(r"\A[a-z][a-z0-9_]{0,63}\Z")
DAY = st.dates(date(2013, 1, 1), date(2099, 12, 31))


@given(CHAT, DAY)
def test_a_key_reads_back_as_its_chat_and_day(chat: str, day: date) -> None:
    key = chat_day_key(chat, day)
    assert str(key) == f"{chat}|{day}"
    assert days_of_keys([str(key)], key_of=lambda _: None).chats == {chat: (day,)}


@pytest.mark.parametrize("chat", ["a|b", "a/b", "..", "A", "", "1a", "a...b"])
def test_a_chat_key_that_would_break_a_partition_is_refused(chat: str) -> None:
    with pytest.raises(FetchError):
        chat_day_key(chat, date(2025, 11, 7))


@given(st.lists(st.tuples(CHAT, DAY), unique=True))
def test_the_days_of_each_chat_are_all_there_and_in_order(pairs: list[tuple[str, date]]) -> None:
    found = days_of_keys((f"{chat}|{day}" for chat, day in pairs), key_of=lambda _: None).chats
    assert sorted((chat, day) for chat, days in found.items() for day in days) == sorted(pairs)
    assert list(found) == list(dict.fromkeys(chat for chat, _ in pairs))
    assert all(list(days) == sorted(days) for days in found.values())


def test_a_key_that_somebody_added_by_hand_is_read_as_a_spelling_or_refused_by_name() -> None:
    known = {"moved": "channel_7"}
    asked = days_of_keys(
        ["@Some_Chat|2025-11-02", "some_chat|2025-11-03", "@Moved|2025-11-02", "what is this|2025-11-02"],
        key_of=lambda spelling: known.get(spelling.username or ""),
    )
    assert asked.chats == {
        "some_chat": (date(2025, 11, 2), date(2025, 11, 3)),
        "channel_7": (date(2025, 11, 2),),
    }
    assert asked.added_by_hand == {
        ("some_chat", date(2025, 11, 2)): ("@Some_Chat|2025-11-02",),
        ("channel_7", date(2025, 11, 2)): ("@Moved|2025-11-02",),
    }
    [(key, error)] = asked.refused.items()
    assert key == "what is this|2025-11-02"
    assert "'what is this' is no chat's name" in error.message
    assert error.message.endswith("remove the partition 'what is this'")
    assert asked.count == 4


def test_todays_keys_are_chats() -> None:
    asked = days_of_chats(["news", "@News", "@Other"], date(2025, 11, 7), key_of=lambda _: None)
    assert asked.chats == {"news": (date(2025, 11, 7),), "other": (date(2025, 11, 7),)}
    assert asked.added_by_hand["other", date(2025, 11, 7)] == ("@Other",)


@pytest.mark.parametrize(
    ("tags", "keys"),
    [
        ({"dagster/partition": "a|2025-11-02"}, ["a|2025-11-02"]),
        ({}, []),
        (
            dict(range_tags(("b", "b"), (date(2025, 11, 1), date(2025, 11, 3)))),
            ["b|2025-11-01", "b|2025-11-02", "b|2025-11-03"],
        ),
        (
            dict(range_tags(("c", "b"), (date(2025, 11, 1), date(2025, 11, 2)))),
            ["c|2025-11-01", "c|2025-11-02", "b|2025-11-01", "b|2025-11-02"],
        ),
    ],
)
def test_the_keys_of_a_run_are_its_rectangle_in_the_chats_own_order(
    instance: dg.DagsterInstance, tags: dict[str, str], keys: list[str]
) -> None:
    instance.add_dynamic_partitions(CHATS.name or "", ["a", "c", "b"])
    run = instance.create_run_for_job(_job(), tags=tags)
    assert sorted(keys_of_run(run, chat_days(DefinitionSettings()), instance)) == sorted(keys)


def test_today_is_no_partition_and_yesterday_is() -> None:
    days = chat_days(DefinitionSettings()).get_partitions_def_for_dimension("date")
    keys = days.get_partition_keys(current_time=datetime(2025, 11, 7, 12, tzinfo=UTC))
    assert keys[-1] == "2025-11-06"
    assert keys[0] == "2025-01-01"
    assert len(keys) == (date(2025, 11, 6) - date(2025, 1, 1)) / timedelta(days=1) + 1


def _job() -> dg.JobDefinition:
    @dg.op
    def nothing() -> None: ...

    @dg.job
    def empty() -> None:
        nothing()

    return empty
