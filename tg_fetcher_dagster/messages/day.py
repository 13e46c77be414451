"""A chat's day, put together message by message.

Only numbers and names are kept of what went past (ids, counts, display names); the bodies go straight to
whoever writes them, so that a day of 200,000 messages needs some tens of megabytes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

import orjson
import structlog

from tg_fetcher_dagster.messages.enrichment import Enrichment
from tg_fetcher_dagster.messages.mapping import MessageMapping
from tg_fetcher_dagster.messages.participants import ParticipantCount
from tg_fetcher_dagster.messages.peers import Names, RawRecord, without_surrogates
from tg_fetcher_dagster.messages.people import People
from tg_fetcher_dagster.messages.schema import Participants, SourceInfo, Summary, Threads
from tg_fetcher_dagster.messages.threads import ThreadGathering
from tg_fetcher_dagster.settings import Settings

log = structlog.get_logger(__name__)

COMMENTS_NOT_READ = "not read"
"""The reason where a post has comments and nobody said why they are not here."""


@dataclass(frozen=True)
class MappingOptions:
    """What of the settings shapes a day file: the same raw file and options give the same bytes."""

    timezone: str
    schema_version: str
    preprocessing_version: str
    links: bool
    tokens: bool
    classify: bool
    language: bool

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Returns the options that the settings ask for."""
        return cls(
            timezone=settings.timezone,
            schema_version=settings.data_schema_version,
            preprocessing_version=settings.preprocessing_version,
            links=settings.link_normalize_enabled,
            tokens=settings.token_estimate_enabled,
            classify=settings.message_classifier_enabled,
            language=settings.language_detect_enabled,
        )


@dataclass(frozen=True)
class DayStatistics:
    """A day in numbers.

    Attributes:
        message_count: messages of the chat, comments not counted.
        estimated_tokens_total: the sum over those messages.
        first_message_ts: of the OLDEST message; None on a day without messages.
        last_message_ts: of the newest one.
        oldest_id: the smallest message id.
        newest_id: the largest one.
        comment_count: comments that are in the file.
        estimated_tokens_comments: the sum over those comments.
    """

    message_count: int = 0
    estimated_tokens_total: int = 0
    first_message_ts: str | None = None
    last_message_ts: str | None = None
    oldest_id: int | None = None
    newest_id: int | None = None
    comment_count: int = 0
    estimated_tokens_comments: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmapped:
    """A raw message that this version cannot map."""

    kind: str
    id: int
    why: str


class DayAssembly:
    """Turns a day's raw records into the parts of its files, newest message first.

    Entities (users, chats) must be added before the messages that mention them, as the raw file has them.
    Of the account that read the day its own user id is wanted: messages of a private chat do not name it.

    Attributes:
        unmapped: messages and comments that are not in the day file, since this version cannot map them.
    """

    def __init__(
        self, *, source: SourceInfo, day: date, options: MappingOptions, account_user_id: int | None = None
    ) -> None:
        self._source = source
        self._day = day
        self._options = options
        self._names = Names(self_id=account_user_id)
        self._people = People()
        self._mapping = MessageMapping(
            names=self._names,
            enrichment=Enrichment(
                links=options.links,
                tokens=options.tokens,
                classify=options.classify,
                language=options.language,
            ),
            channel_id=source.marked_id if source.type == "channel" else None,
            forum=source.forum or None,
        )
        self.unmapped: list[Unmapped] = []
        self._threads = ThreadGathering()
        self._senders = ParticipantCount()
        self._message_count = self._tokens = self._comment_count = self._comment_tokens = 0
        self._oldest_ts: str | None = None
        self._newest_ts: str | None = None
        self._oldest_id: int | None = None
        self._newest_id: int | None = None

    def add_entities(self, users: Iterable[RawRecord], chats: Iterable[RawRecord]) -> None:
        """Takes in the users and chats that a page brought along."""
        users, chats = list(users), list(chats)
        self._names.add_users(users)
        self._names.add_chats(chats)
        self._people.add(users)
        self._people.add(chats)

    def add_message(
        self,
        value: RawRecord,
        comments: Sequence[RawRecord] | None = None,
        *,
        comments_unavailable: str | None = None,
    ) -> bytes | None:
        """Maps one raw message and returns it as JSON (compact, UTF-8); None where it cannot be mapped.

        One odd message must not cost the day: it is noted in `unmapped`, with the reason.

        Args:
            value: the raw `Message` or `MessageService`.
            comments: a channel post's comments in the order they shall stand; None where none were read.
            comments_unavailable: why a post's comments could not be read.
        """
        mapped = self._mapped(value)
        if mapped is None:
            return None
        self._count(mapped)
        if self._mapping.is_post(value):
            self._add_comments(value, mapped, comments, comments_unavailable)
        return _json(mapped)

    def _mapped(self, value: RawRecord, *, comment: bool = False) -> dict[str, Any] | None:
        try:
            return self._mapping.message(value, comment=comment)
        except Exception as error:
            log.exception("a message cannot be mapped", message_id=value.get("id"))
            kind = "comment" if comment else "message"
            self.unmapped.append(
                Unmapped(kind=kind, id=int(value["id"]), why=f"{type(error).__name__}: {error}")
            )
            return None

    def _count(self, mapped: dict[str, Any]) -> None:
        message_id: int = mapped["id"]
        moment: str = mapped["date"]
        self._message_count += 1
        self._tokens += mapped["token_count"]
        # Moments are all spelt alike, so that their order as texts is their order in time.
        if self._oldest_ts is None or moment < self._oldest_ts:
            self._oldest_ts = moment
        if self._newest_ts is None or moment > self._newest_ts:
            self._newest_ts = moment
        if self._oldest_id is None or message_id < self._oldest_id:
            self._oldest_id = message_id
        if self._newest_id is None or message_id > self._newest_id:
            self._newest_id = message_id
        self._threads.add(message_id, mapped["reply_to_msg_id"])
        self._senders.add_message(mapped["sender_id"])

    def _add_comments(
        self,
        value: RawRecord,
        mapped: dict[str, Any],
        comments: Sequence[RawRecord] | None,
        unavailable: str | None,
    ) -> None:
        """An empty list says that there are no comments; where that is not known there is no list."""
        thread = value.get("replies") or {}
        counted = (thread.get("replies") or 0) if thread.get("comments") else 0
        if thread.get("comments"):
            mapped["comments_count"] = counted
        if unavailable is None and comments is None and counted:
            unavailable = COMMENTS_NOT_READ
        if unavailable is not None:
            mapped["comments_unavailable"] = unavailable
            return
        mapped_comments = (self._mapped(comment, comment=True) for comment in comments or ())
        written = [comment for comment in mapped_comments if comment is not None]
        for comment in written:
            self._comment_count += 1
            self._comment_tokens += comment["token_count"]
            self._senders.add_comment(comment["sender_id"])
        mapped["comments"] = written

    @property
    def senders(self) -> dict[str, str]:
        """Display names of everybody who wrote a message or a comment, by marked id."""
        return {str(peer): self._names.name(peer) for peer in self._senders.ids()}

    def statistics(self) -> DayStatistics:
        """Returns the day in numbers, as far as it was added."""
        return DayStatistics(
            message_count=self._message_count,
            estimated_tokens_total=self._tokens,
            first_message_ts=self._oldest_ts,
            last_message_ts=self._newest_ts,
            oldest_id=self._oldest_id,
            newest_id=self._newest_id,
            comment_count=self._comment_count,
            estimated_tokens_comments=self._comment_tokens,
        )

    def threads(self) -> Threads:
        """Returns who replied to whom within the day."""
        return self._threads.threads()

    def participants(self) -> Participants:
        """Returns who wrote, most messages first, and who else stands in the day."""
        return Participants(
            chat=self._chat,
            date=self._day,
            participants=self._senders.participants(self._names, self._people),
            mentioned=self._senders.mentioned(self._names, self._people) or None,
            no_peers=self._people.no_peers() or None,
        )

    def summary(self, checksum: str) -> Summary:
        """Returns the day's summary.

        Args:
            checksum: the SHA-256 of the day file's bytes, in hexadecimal.
        """
        return Summary(
            chat=self._chat,
            date=self._day,
            schema_version=self._options.schema_version,
            preprocessing_version=self._options.preprocessing_version,
            timezone=self._options.timezone,
            first_message_ts=self._oldest_ts,
            last_message_ts=self._newest_ts,
            message_count=self._message_count,
            estimated_tokens_total=self._tokens,
            file_checksum_sha256=checksum,
            comment_count=self._comment_count or None,
            estimated_tokens_comments=self._comment_tokens or None,
        )

    @property
    def _chat(self) -> str:
        return self._source.key or self._source.id.removeprefix("@")


def _json(mapped: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(mapped)
    except TypeError:
        # A lone surrogate has no UTF-8 form: the text is kept, the surrogate is replaced.
        return orjson.dumps(without_surrogates(mapped))
