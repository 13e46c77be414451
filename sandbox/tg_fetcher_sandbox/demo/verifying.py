"""Compares what came out with what is true of the sandbox's world. Returns faults, one line each."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from tg_fetcher_dagster.events.models import TERMINAL
from tg_fetcher_sandbox.demo.asking import Asked

COMMENTS_KEPT = 50
"""COMMENTS_LIMIT_PER_MESSAGE as it stands."""


def faults_of(
    asked: Sequence[Asked], *, truth: Mapping[str, Any], data_dir: Path, stream: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Returns everything that is not as it should be; an empty list if all is well.

    Args:
        asked: the commands.
        truth: what the sandbox says of its world.
        data_dir: DATA_DIR.
        stream: all events that were published.
    """
    chats = {chat["key"]: chat for chat in truth["chats"].values()}
    ends = Counter((event["chat"], event["date"]) for event in stream if event["event"] in TERMINAL)
    last = {(event["chat"], event["date"]): event for event in stream if event["event"] in TERMINAL}
    faults: list[str] = []
    for each in asked:
        for day in each.days:
            name = f"{each.chat} {day}"
            if ends[each.chat, str(day)] != 1:
                faults.append(f"{name}: {ends[each.chat, str(day)]} events that end it, not one")
                continue
            true = chats[each.chat]["days"].get(str(day), {"messages": []})["messages"]
            event = last[each.chat, str(day)]
            faults += (f"{name}: {fault}" for fault in _faults_of_day(each.chat, day, event, true, data_dir))
    ids = Counter(event["event_id"] for event in stream)
    faults += (f"event {event_id}: published {count} times" for event_id, count in ids.items() if count > 1)
    unasked = ends.keys() - {(each.chat, str(day)) for each in asked for day in each.days}
    faults += (f"{chat} {day}: nobody asked for it" for chat, day in sorted(unasked, key=str))
    return faults


def _faults_of_day(
    chat: str, day: date, event: Mapping[str, Any], true: Sequence[Mapping[str, Any]], data_dir: Path
) -> Iterator[str]:
    if event["event"] != "messages_fetched":
        yield f"{event['event']}: {event.get('error') or event.get('reason')}"
        return
    path = data_dir / chat / f"{day}.json"
    if not path.is_file():
        yield f"there is no {path}"
        return
    body = path.read_bytes()
    if hashlib.sha256(body).hexdigest() != event["checksum_sha256"]:
        yield "the event's checksum is not the file's"
    written = orjson.loads(body)["messages"]
    if event["message_count"] != len(true):
        yield f"the event says {event['message_count']} messages, the sandbox has {len(true)}"
    for key in ("id", "date", "text", "sender_id"):
        # A message without words has none in the files and empty ones at Telegram.
        if [message[key] or None for message in written] != [message[key] or None for message in true]:
            yield f"the messages' {key} differ from the sandbox's"
    if _comments(written) != _comments(true):
        yield "the comments differ from the sandbox's"
    for name in ("summary", "threads", "participants"):
        if not Path(event[f"{name}_file_path"]).is_file():
            yield f"there is no {name} file"


def _comments(messages: Sequence[Mapping[str, Any]]) -> dict[int, list[int]]:
    return {
        message["id"]: sorted(comment["id"] for comment in message["comments"])[:COMMENTS_KEPT]
        for message in messages
        if message.get("comments")
    }
