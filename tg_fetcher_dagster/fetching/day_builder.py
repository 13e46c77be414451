"""One day in the making: what Telegram gave goes into the raw file, what it becomes into the day file.

Both grow page by page, so that memory does not grow with the day. Nothing is visible before the writer
publishes it, and a builder that is discarded leaves nothing behind.
"""

from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.fetching.committing import drafts_on_their_way
from tg_fetcher_dagster.fetching.day_record import reading_of
from tg_fetcher_dagster.fetching.made_day import MadeDay
from tg_fetcher_dagster.fetching.message_completion import Completion
from tg_fetcher_dagster.fetching.missing_parts import unmapped
from tg_fetcher_dagster.fetching.raw_lines import RawMessage, assembled, with_whole
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.messages.day import DayAssembly, MappingOptions
from tg_fetcher_dagster.messages.peers import marked_entity_id
from tg_fetcher_dagster.messages.source import source_info
from tg_fetcher_dagster.storage.coverage import Coverage, Loss
from tg_fetcher_dagster.storage.day_writer import DayWriter, SideFiles
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.storage.raw_file import RAW_FORMAT
from tg_fetcher_dagster.telegram.comments import Comments
from tg_fetcher_dagster.telegram.records import Record


class DayBuilder:
    """Builds the files of one chat's day from Telegram's records, newest message first."""

    def __init__(
        self,
        *,
        paths: DayPaths,
        identity: ChatIdentity,
        day: date,
        options: MappingOptions,
        ledger: Ledger,
        account_user_id: int | None = None,
        keep_raw: bool = True,
        raw_from: Path | None = None,
    ) -> None:
        """Begins a day.

        Args:
            paths: where its files go.
            identity: whose day it is.
            day: which day.
            options: how messages are mapped.
            ledger: says which drafts of dead processes are still to be put in their places.
            account_user_id: who reads it: one's own messages of a private chat do not name their sender.
            keep_raw: False where the raw file is there already.
            raw_from: a raw file that stands elsewhere and becomes the day's.
        """
        self._options = options
        self._account_user_id = account_user_id
        self._writer = DayWriter(
            paths,
            keep_raw=keep_raw,
            raw_from=raw_from,
            is_spared=lambda draft: draft in drafts_on_their_way(ledger, paths),
        )
        self._source = source_info(identity)
        self._assembly = DayAssembly(
            source=self._source, day=day, options=options, account_user_id=account_user_id
        )
        self._in_part: dict[object, bool] = {}  # of the users and chats that were kept, by marked id
        self._messages = 0
        self.comment_count = 0

    def begin(self, *, identity: ChatIdentity, day: date, layer: int, fetched_at: datetime) -> None:
        """Writes the raw file's first line: whose day this is and how it was read."""
        head = {
            "kind": "day",
            "format": RAW_FORMAT,
            "chat": identity.key,
            "date": day.isoformat(),
            "timezone": self._options.timezone,
            "layer": layer,
            "identity": identity.model_dump(mode="json", exclude={"access_hashes"}),
            "fetched_at": fetched_at.isoformat(),
            "account_user_id": self._account_user_id,
        }
        self._writer.write_raw(orjson.dumps(head))

    @property
    def message_count(self) -> int:
        """Messages so far, comments not counted."""
        return self._messages

    def add_entities(self, users: Iterable[Record], chats: Iterable[Record]) -> None:
        """Keeps users and chats that are new in this day, and a whole one after one in part."""
        new_users = [user for user in users if self._keep(b"user", user)]
        new_chats = [chat for chat in chats if self._keep(b"chat", chat)]
        if new_users or new_chats:
            self._assembly.add_entities(
                (user.value for user in new_users), (chat.value for chat in new_chats)
            )

    def _keep(self, kind: bytes, entity: Record) -> bool:
        # A user, a basic group and a channel may share a number, and what is none of them has no marked id.
        constructor = entity.constructor
        name = marked_entity_id(constructor, entity.id) or (constructor, entity.id)
        if name in self._in_part and (entity.is_min or not self._in_part[name]):
            return False
        self._in_part[name] = entity.is_min
        self._writer.write_raw(b'{"kind":"%s","value":%s}' % (kind, entity.line))
        return True

    def add_message(
        self, message: Record, comments: Comments | None = None, completion: Completion | None = None
    ) -> None:
        """Adds a message and, for a channel's post, what was read below it.

        Args:
            message: as its page gave it.
            comments: below a channel's post; None where none were asked for.
            completion: what was asked for because the message or a comment came in part.
        """
        self._messages += 1
        if completion is not None:
            self.add_entities(completion.users, completion.chats)
        self._writer.write_raw(b'{"kind":"message","value":%s}' % message.line)
        if comments is None and completion is None:  # nearly all messages: 2 µs less for each
            self._write(self._assembly.add_message(message.value))
            return
        wholes = completion or Completion()
        raw = RawMessage(self._with_whole(message, wholes.message, comment=False))
        if comments is not None:
            raw.told = self._tell_of_comments(message.id, comments)
            for comment in comments.messages:
                line = b'{"kind":"comment","post_id":%d,"value":%s}' % (message.id, comment.line)
                self._writer.write_raw(line)
                whole = wholes.comments.get(comment.id)
                raw.comments.append(self._with_whole(comment, whole, comment=True))
        self._map(raw)

    def _with_whole(self, message: Record, whole: Record | None, *, comment: bool) -> dict[str, Any]:
        """Keeps what was asked for beside what the page gave; returns what both say."""
        if whole is None:
            return message.value
        self._writer.write_raw(
            b'{"kind":"whole","comment":%s,"value":%s}' % (b"true" if comment else b"false", whole.line)
        )
        return with_whole(message.value, whole.value)

    def _tell_of_comments(self, post_id: int, comments: Comments) -> dict[str, Any]:
        told = {
            "kind": "comments",
            "post_id": post_id,
            "outcome": comments.outcome,
            "reason": comments.reason,
            "count": len(comments.messages),
        }
        self._writer.write_raw(orjson.dumps(told))
        if comments.messages:
            self.add_entities(comments.users, comments.chats)
        return told

    def replay(self, lines: Iterable[dict[str, Any]]) -> None:
        """Builds the day again from the raw file's lines; the same lines give the same bytes."""
        for each in assembled(lines):
            if isinstance(each, RawMessage):
                self._map(each)
            elif each["kind"] == "user":
                self._assembly.add_entities([each["value"]], [])
            else:
                self._assembly.add_entities([], [each["value"]])

    def _map(self, raw: RawMessage) -> None:
        told = raw.told
        if told is None:
            body = self._assembly.add_message(raw.value)
        elif told["outcome"] == "read":
            body = self._assembly.add_message(raw.value, raw.comments)
        else:
            unavailable = told["reason"] or told["outcome"]
            body = self._assembly.add_message(raw.value, comments_unavailable=unavailable)
        self.comment_count += len(raw.comments)
        self._write(body)

    def _write(self, body: bytes | None) -> None:
        """Adds a message to the day file; one that cannot be mapped is among `unmapped`."""
        if body is not None:
            self._writer.write_message(body)

    @property
    def unmapped(self) -> tuple[Loss, ...]:
        """What stands in the raw file and could not be made part of the day file."""
        return tuple(unmapped(each.kind, each.id, each.why) for each in self._assembly.unmapped)

    def assemble(self) -> MadeDay:
        """Composes the day's files from what was added; nothing is visible yet.

        Raises:
            FetchError: (storage) the disk refused; the day's earlier files stay.
        """
        assembled = self._writer.assemble(
            version=self._options.schema_version,
            timezone=self._options.timezone,
            source_info=self._source.model_dump(mode="json", exclude_none=True),
            senders=self._assembly.senders,
        )
        sides = SideFiles(
            summary=self._assembly.summary(assembled.checksum_sha256).model_dump_json().encode(),
            threads=self._assembly.threads().model_dump_json().encode(),
            participants=self._assembly.participants().model_dump_json(exclude_none=True).encode(),
        )
        return MadeDay(
            assembled=assembled,
            sides=sides,
            statistics=self._assembly.statistics(),
            comment_count=self.comment_count,
        )

    def end(self, coverage: Coverage) -> None:
        """Writes the raw file's last line: all that is known of the reading, so that the record can be lost.

        Args:
            coverage: what is proved of the day; what it says of the day's files is left out.
        """
        end = {
            "kind": "end",
            "messages": self._messages,
            "comments": self.comment_count,
            "scanned": {"newest_id": coverage.scanned_newest_id, "oldest_id": coverage.scanned_oldest_id},
            "requests": coverage.requests,
            "final": coverage.final,
            "reading": reading_of(coverage),
        }
        self._writer.write_raw(orjson.dumps(end))

    @property
    def writer(self) -> DayWriter:
        """Takes what was assembled to its place."""
        return self._writer

    def discard(self) -> None:
        """Removes what was written so far; nothing of the day was visible."""
        self._writer.discard()
