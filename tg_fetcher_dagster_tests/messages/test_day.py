import datetime as dt
import tracemalloc
from pathlib import Path

import orjson
import pytest
from telethon.tl import types

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.messages.day import DayAssembly, DayStatistics, MappingOptions
from tg_fetcher_dagster.messages.json_schema import schema_files, write_schemas
from tg_fetcher_dagster.messages.schema import DayFile, Threads
from tg_fetcher_dagster.messages.source import source_info
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster_tests.messages.raw import (
    CHAT_MARKED,
    DAY,
    OPTIONS,
    assembly,
    mapped,
    message,
    source,
    user,
)

POST_WITH_COMMENTS = types.MessageReplies(replies=2, replies_pts=1, comments=True, channel_id=500)


def comment(message_id, text, sender, **fields):
    return message(message_id, text, peer=types.PeerChannel(500), from_id=types.PeerUser(sender), **fields)


def test_the_first_timestamp_is_the_oldest_messages():
    day = assembly()
    for message_id, hour in ((30, 23), (20, 12), (10, 1)):
        day.add_message(message(message_id, "ab", date=dt.datetime(2025, 11, 7, hour, tzinfo=dt.UTC)))
    assert day.statistics() == DayStatistics(
        message_count=3,
        estimated_tokens_total=3,
        first_message_ts="2025-11-07T01:00:00Z",
        last_message_ts="2025-11-07T23:00:00Z",
        oldest_id=10,
        newest_id=30,
    )


def test_a_day_without_messages_has_its_files_too():
    day = assembly()
    assert day.senders == {}
    assert day.statistics() == DayStatistics()
    assert day.threads() == Threads(roots=[], parent_to_children={}, depth={})
    assert day.participants().model_dump(mode="json", exclude_none=True) == {
        "chat": "ru_python", "date": "2025-11-07", "participants": []
    }  # fmt: skip
    assert day.summary("00").model_dump(mode="json", exclude_none=False)["first_message_ts"] is None


def test_the_summary_has_the_contracts_keys():
    day = assembly()
    day.add_message(message(5, "abcd"))
    assert orjson.loads(day.summary("ff" * 32).model_dump_json(exclude_unset=True))["chat"] == "ru_python"
    summary = day.summary("ff" * 32).model_dump(mode="json")
    assert list(summary)[:10] == [
        "chat", "date", "schema_version", "preprocessing_version", "timezone", "first_message_ts",
        "last_message_ts", "message_count", "estimated_tokens_total", "file_checksum_sha256",
    ]  # fmt: skip
    assert summary["message_count"] == 1
    assert summary["file_checksum_sha256"] == "ff" * 32


def test_threads_hold_within_the_day_and_survive_nonsense():
    day = assembly()
    replies = {9: 7, 8: 7, 7: 5, 6: 2, 5: None, 4: 4, 3: 9}
    for message_id, reply_to in replies.items():
        header = types.MessageReplyHeader(reply_to_msg_id=reply_to) if reply_to else None
        day.add_message(message(message_id, reply_to=header))
    assert orjson.loads(day.threads().model_dump_json()) == {
        "roots": [3, 4, 5, 6],
        "parent_to_children": {"5": [7], "7": [8, 9]},
        "depth": {"7": 1, "8": 2, "9": 2},
    }


def test_participants_stand_by_their_number_of_messages_then_by_id():
    day = assembly()
    day.add_entities([user(7, "Anna"), user(8, "Boris")], [])
    for message_id, sender in enumerate((8, 7, 9, 7), start=1):
        day.add_message(message(message_id, from_id=types.PeerUser(sender)))
    people = day.participants().model_dump(mode="json", exclude_none=True)["participants"]
    assert people == [
        {"id": 7, "name": "Anna", "message_count": 2},
        {"id": 8, "name": "Boris", "message_count": 1},
        {"id": 9, "name": "user_9", "message_count": 1},
    ]


def test_a_posts_comments_are_messages_in_their_given_order():
    day = assembly("channel")
    day.add_entities([user(7, "Anna")], [])
    post_reply = types.MessageReplyHeader(reply_to_msg_id=900)
    nested = types.MessageReplyHeader(reply_to_msg_id=901, reply_to_top_id=900)
    comments = [
        comment(901, "first one to comment", 7, reply_to=post_reply),
        comment(902, "that is not so", 7, reply_to=nested),
    ]
    got = orjson.loads(day.add_message(message(5, post=True, replies=POST_WITH_COMMENTS), comments))
    assert [(entry["id"], entry["sender_id"]) for entry in got["comments"]] == [(901, 7), (902, 7)]
    assert [entry["message_type"] for entry in got["comments"]] == ["other", "answer"]
    assert "comments" not in got["comments"][0]
    assert got["comments_count"] == 2
    assert day.senders == {str(CHAT_MARKED): "channel_123", "7": "Anna"}
    assert day.statistics().message_count == 1
    assert day.statistics().comment_count == 2
    assert day.participants().participants[-1].comment_count == 2
    assert day.threads().roots == [5]


def test_a_post_without_comments_has_an_empty_list_and_other_messages_have_none():
    assert mapped(message(5, post=True), kind="channel")["comments"] == []
    assert (
        mapped(message(5, post=True, replies=POST_WITH_COMMENTS), kind="channel", comments=[])["comments"]
        == []
    )
    assert "comments" not in mapped(message(5))


@pytest.mark.parametrize(("told", "reason"), [("CHANNEL_PRIVATE", "CHANNEL_PRIVATE"), (None, "not read")])
def test_comments_that_were_not_read_are_never_an_empty_list(told, reason):
    got = mapped(message(5, post=True, replies=POST_WITH_COMMENTS), kind="channel", unavailable=told)
    assert "comments" not in got
    assert got["comments_unavailable"] == reason
    assert got["comments_count"] == 2


def test_of_a_large_day_only_numbers_are_kept():
    day = assembly()
    value = message(1, "x", from_id=types.PeerUser(7))
    reply = message(1, "x", from_id=types.PeerUser(8), reply_to=types.MessageReplyHeader(reply_to_msg_id=1))
    day.add_message(value)
    tracemalloc.start()
    try:
        for message_id in range(1_000_000, 1_000_000 + 20_000):
            value["id"] = message_id
            day.add_message(value)
            if message_id % 3 == 0:
                reply["id"], reply["reply_to"]["reply_to_msg_id"] = message_id, message_id - 1
                day.add_message(reply)
        kept = tracemalloc.get_traced_memory()[0]
        threads = day.threads()
        made = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(threads.depth) == 20_000 // 3
    assert kept < 1_000_000  # under 50 bytes a message
    assert made < 6_000_000


def test_the_options_come_from_the_settings():
    settings = Settings(
        timezone="Europe/Moscow", data_schema_version="1.1", link_normalize_enabled=False, _env_file=None
    )
    options = MappingOptions.from_settings(settings)
    assert (options.timezone, options.schema_version) == ("Europe/Moscow", "1.1")
    assert (options.links, options.tokens) == (False, True)


def test_a_day_file_of_these_parts_is_valid():
    day = assembly("channel")
    bodies = [day.add_message(message(2, post=True)), day.add_message(message(1, "?", post=True))]
    head = {"version": "1.0", "timezone": "UTC", "source_info": source().model_dump(), "senders": day.senders}
    read = DayFile.model_validate({**head, "messages": [orjson.loads(body) for body in bodies]})
    assert [entry.id for entry in read.messages] == [2, 1]


@pytest.mark.parametrize(
    ("fields", "source_id", "url"),
    [
        ({"key": "ru_python", "username": "Ru_Python"}, "@ru_python", "https://t.me/Ru_Python"),
        ({"key": "ru_python", "username": "Renamed"}, "@ru_python", "https://t.me/Renamed"),
        ({"key": "channel_123"}, "channel_123", "https://t.me/c/123"),
        ({"key": "chat_5", "marked_id": -5, "type": "group"}, "chat_5", "tg://openmessage?chat_id=5"),
        ({"key": "user_5", "marked_id": 5, "type": "chat"}, "user_5", "tg://user?id=5"),
    ],
)
def test_a_day_files_head_names_its_chat(fields, source_id, url):
    seen = {"marked_id": CHAT_MARKED, "type": "supergroup", "title": "T", "username": None, **fields}
    info = source_info(ChatIdentity(**seen, added_at=dt.datetime(2025, 1, 1, tzinfo=dt.UTC)))
    assert info.id == source_id
    assert info.url == url
    assert info.key == fields["key"]


def test_a_source_without_a_key_is_called_by_its_id():
    day = DayAssembly(source=source(key=None), day=DAY, options=OPTIONS)
    assert day.participants().chat == "ru_python"


def test_the_json_schemas_in_the_docs_are_up_to_date(tmp_path):
    kept = Path(__file__).parents[2] / "docs" / "schemas"
    write_schemas(tmp_path)
    for name in schema_files():
        assert (kept / name).read_bytes() == (tmp_path / name).read_bytes(), (
            "make them again: python -m tg_fetcher_dagster.messages.json_schema"
        )
