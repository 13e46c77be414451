"""Checks what rests on the disk: a day file read back and held against its schema and its day.

Findings name messages by their ids and never quote them: they stand in Dagster's database, which outlives
every deletion.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import orjson
from pydantic import ValidationError

from tg_fetcher_dagster.messages.schema import Message
from tg_fetcher_dagster.storage.day_file import message_lines, read_head
from tg_fetcher_dagster.storage.paths import DayPaths


@dataclass(slots=True)
class Findings:
    """What stands in a day file, and what is wrong with it; empty lists mean nothing is.

    Attributes:
        lines: that should be messages each.
        messages: that are.
        distinct: different ids among them.
        oldest_id: the lowest id among them; None where there is none.
        newest_id: the highest one.
        senders: who wrote them, counted.
        replies: messages that answer another one.
        schema: lines that are no message of schema 1.0.
        ids: ids that stand twice, and messages outside the day.
        references: senders without a name, and replies to a later message.
    """

    key: str
    lines: int = 0
    messages: int = 0
    distinct: int = 0
    oldest_id: int | None = None
    newest_id: int | None = None
    senders: int = 0
    replies: int = 0
    schema: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)


def check_day_file(paths: DayPaths, *, zone: ZoneInfo, key: str) -> Findings:
    """Returns what is wrong with a day's file; memory grows by its ids only.

    Args:
        paths: where the day is.
        zone: of the day's bounds.
        key: how the day is named in the findings.
    """
    found = Findings(key)
    try:
        senders = frozenset(read_head(paths.day_file)["senders"])
        messages = _messages(paths, found)
        _look_at(messages, found, senders=senders, paths=paths, zone=zone)
    except (OSError, ValueError, TypeError, KeyError) as error:
        found.schema.append(f"{key}: {error}")
    return found


def _messages(paths: DayPaths, found: Findings) -> Iterator[Message]:
    for number, line in enumerate(message_lines(paths.day_file), 1):
        found.lines = number
        try:
            yield Message.model_validate_json(line)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in fault["loc"])
            found.schema.append(f"{found.key}: {_name_of(line, number)}: {where}: {fault['msg']}")


def _name_of(line: bytes, number: int) -> str:
    try:
        return f"message {int(orjson.loads(line)['id'])}"
    except (ValueError, TypeError, KeyError):
        return f"the message number {number} from the top"


def _look_at(
    messages: Iterator[Message], found: Findings, *, senders: frozenset[str], paths: DayPaths, zone: ZoneInfo
) -> None:
    seen: set[int] = set()
    wrote: set[int] = set()
    for message in messages:
        found.messages += 1
        if message.id in seen:
            found.ids.append(f"{found.key}: message {message.id} stands twice")
        seen.add(message.id)
        if datetime.fromisoformat(message.date).astimezone(zone).date() != paths.day:
            found.ids.append(f"{found.key}: message {message.id} of {message.date} is of another day")
        if message.sender_id is not None:
            wrote.add(message.sender_id)
            if str(message.sender_id) not in senders:
                found.references.append(
                    f"{found.key}: sender {message.sender_id} of {message.id} has no name"
                )
        if message.reply_to_msg_id is None:
            continue
        found.replies += 1
        if message.reply_to_msg_id >= message.id:
            found.references.append(
                f"{found.key}: message {message.id} answers {message.reply_to_msg_id}, which is not older"
            )
    found.senders = len(wrote)
    found.distinct = len(seen)
    found.oldest_id = min(seen, default=None)
    found.newest_id = max(seen, default=None)
