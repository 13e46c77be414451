"""A strict consumer of schema 1.0: reads a day or an event, or says in one line what is wrong with it."""

import hashlib
from collections import Counter
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from tg_fetcher_dagster_tests.consumer_schema import (
    AnyEvent,
    Comment,
    DayFile,
    Event,
    Participants,
    Strict,
    Summary,
    Threads,
)

_EVENT: TypeAdapter[Any] = TypeAdapter(AnyEvent)
Model = TypeVar("Model", bound=Strict)


@dataclass(frozen=True)
class ReadDay:
    """A chat's day as a consumer has it in hand."""

    file: DayFile
    summary: Summary
    threads: Threads
    participants: Participants


def read_event(event: bytes | str) -> Event:
    """Returns an event as it was published.

    Raises:
        AssertionError: one line with the key, and what is not as the contract says.
    """
    try:
        read: Event = _EVENT.validate_json(event)
    except ValidationError as error:
        raise AssertionError(f"event {_first(error)}") from None
    return read


def read_day(folder: Path, day: date | str, *, nobody: Container[int] = ()) -> ReadDay:
    """Returns a chat's day with all that lies beside it.

    Args:
        folder: the chat's folder, named by the chat key.
        day: which day.
        nobody: the ids of messages and comments for which Telegram names nobody: no other sender may be null.

    Raises:
        AssertionError: one line with the file, the key, and what is not as the contract says.
    """
    path = folder / f"{day}.json"
    read = ReadDay(
        file=_read(DayFile, path),
        summary=_read(Summary, folder / f"{day}_summary.json"),
        threads=_read(Threads, folder / f"{day}_threads.json"),
        participants=_read(Participants, folder / f"{day}_participants.json"),
    )
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    for fault in _faults_of_file(read.file, str(day), nobody):
        raise AssertionError(f"{path}: {fault}")
    for name, fault in _faults_beside(read, folder.name, str(day), checksum):
        raise AssertionError(f"{folder / f'{day}_{name}.json'}: {fault}")
    return read


def _read(model: type[Model], path: Path) -> Model:
    try:
        return model.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise AssertionError(f"{path}: there is no such file") from None
    except ValidationError as error:
        raise AssertionError(f"{path}: {_first(error)}") from None


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}, not {first['input']!r:.80}"


def _faults_of_file(file: DayFile, day: str, nobody: Container[int]) -> Iterator[str]:
    zone = ZoneInfo(file.timezone)
    by_id = [message.id for message in file.messages]
    times = [message.date for message in file.messages]
    if len(set(by_id)) != len(by_id):
        yield f"messages.id: {Counter(by_id).most_common(1)[0][0]} stands there twice"
    if by_id != sorted(by_id, reverse=True) and times != sorted(times, reverse=True):
        yield "messages: the newest is not the first, neither by id nor by date"
    for place, message in enumerate(file.messages):
        if datetime.fromisoformat(message.date).astimezone(zone).date().isoformat() != day:
            yield f"messages.{place}.date: {message.date} is not of the day in {file.timezone}"
        comments = [comment.id for comment in message.comments]
        if len(set(comments)) != len(comments):
            yield f"messages.{place}.comments.id: one stands there twice"
        yield from _faults_of_sender(message, f"messages.{place}", file.senders, nobody)
        for number, comment in enumerate(message.comments):
            yield from _faults_of_sender(comment, f"messages.{place}.comments.{number}", file.senders, nobody)


def _faults_of_sender(
    message: Comment, key: str, senders: Mapping[str, str], nobody: Container[int]
) -> Iterator[str]:
    if message.sender_id is None:
        if message.id not in nobody:
            yield f"{key}.sender_id: null, although Telegram names who sent {message.id}"
    elif str(message.sender_id) not in senders:
        yield f"{key}.sender_id: {message.sender_id} is not among senders"


def _faults_beside(read: ReadDay, chat: str, day: str, checksum: str) -> Iterator[tuple[str, str]]:
    times = [message.date for message in read.file.messages]
    ids = {message.id for message in read.file.messages}
    true = {
        "chat": chat,
        "date": day,
        "timezone": read.file.timezone,
        "message_count": len(times),
        "first_message_ts": min(times, default=None),
        "last_message_ts": max(times, default=None),
        "estimated_tokens_total": sum(message.token_count for message in read.file.messages),
        "file_checksum_sha256": checksum,
    }
    for key, value in true.items():
        if getattr(read.summary, key) != value:
            yield "summary", f"{key}: {getattr(read.summary, key)!r}, but it is {value!r}"
    threads = read.threads
    children = [child for each in threads.parent_to_children.values() for child in each]
    if sorted((*threads.roots, *children)) != sorted(ids):
        yield "threads", "roots, parent_to_children: not each message once, as a root or as somebody's child"
    if not {*map(int, threads.parent_to_children), *map(int, threads.depth)} <= ids:
        yield "threads", "parent_to_children, depth: a message of another day"
    for key, value in (("chat", chat), ("date", day)):
        if getattr(read.participants, key) != value:
            yield "participants", f"{key}: {getattr(read.participants, key)!r}, but it is {value!r}"
