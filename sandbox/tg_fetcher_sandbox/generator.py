"""Makes a chat's messages from a seed: the same scenario always gives the same world.

Each day has a random source of its own, so that another volume on one day leaves the other days' times and
texts alone. Messages come out in order of time and are numbered as they come; nothing is kept but the last
few, so that a day of hundreds of thousands costs no memory here.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from random import Random

from tg_fetcher_sandbox import generated_details, texts
from tg_fetcher_sandbox.cast import Cast
from tg_fetcher_sandbox.chats import Chat
from tg_fetcher_sandbox.posts import Action, Post, seeded
from tg_fetcher_sandbox.scenario_messages import ScenarioComment, ScenarioMessage
from tg_fetcher_sandbox.scenario_posts import post_of

DAY_SECONDS = 86_400
REMEMBERED = 40
ROWS_WITH_EDGES = 10
GENERAL_TOPIC = 1
MOST_ODD_GAP = 3


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a later message may refer to."""

    id: int
    thread: int
    topic: int | None
    text: str


class ChatWriter:
    """Writes one chat's messages.

    Attributes:
        comments: the scenario's comments by the id of the post that they stand under.
    """

    def __init__(self, chat: Chat, *, cast: Cast, seed: int) -> None:
        self.comments: dict[int, tuple[ScenarioComment, ...]] = {}
        self._chat = chat
        self._mix = chat.spec.mix
        self._cast = cast
        self._seed = seed
        self._next_id = 1
        self._recent: deque[Earlier] = deque(maxlen=REMEMBERED)
        self._labels: dict[str, int] = {}
        self._topics: dict[str, int] = {}
        self._album: tuple[Post, int] | None = None
        self._own = [person.id for person in chat.members if not person.deleted] or [chat.members[0].id]
        self._makes: Callable[[Random, int], Post] = {
            "channel": self._news,
            "private": self._private,
        }.get(chat.type, self._remark)

    def posts(self) -> Iterator[Post]:
        """Gives all the chat's messages, oldest first."""
        given = {
            day: list(messages)
            for day, messages in groupby(
                sorted(self._chat.spec.messages, key=lambda message: message.date),
                key=lambda message: message.date.date(),
            )
        }
        generated = self._chat.days.all() if self._chat.days else []
        numbers = {day: number for number, day in enumerate(generated)}
        first = min((*generated, *given), default=None)
        for day in sorted({*generated, *given}):
            count = self._chat.spec.volume(day, numbers[day]) if day in numbers else 0
            if day == first:
                yield from self._opening(_midnight(day))
            yield from self._day(day, count, given.get(day, []))
        if self._chat.after is not None and generated:
            action = Action("migrate_to", target=self._cast.chats[self._chat.after].peer)
            at = _midnight(generated[-1]) + DAY_SECONDS - 1
            yield self._numbered(Post(at=at, sender=self._own[0], action=action), gap=0)

    def _opening(self, at: int) -> Iterator[Post]:
        """What a chat begins with: where it came from, and a forum's topics (General has no message)."""
        if self._chat.before is not None:
            old = self._cast.chats[self._chat.before]
            action = Action("migrate_from", title=old.title, target=old.peer)
            yield self._numbered(Post(at=at, sender=self._chat.peer, action=action), gap=0)
        for title in self._chat.spec.topics:
            post = Post(at=at, sender=self._own[0], action=Action("topic", title=title))
            self._numbered(post, gap=0)
            self._topics[title] = post.topic = post.id
            yield post

    def _day(self, day: date, count: int, given: list[ScenarioMessage]) -> Iterator[Post]:
        rng = seeded(f"{self._seed}:{self._chat.name}:{day}")
        midnight = _midnight(day)
        seconds = sorted(int(rng.random() * DAY_SECONDS) for _ in range(count))
        if count >= ROWS_WITH_EDGES:
            seconds[0], seconds[-1] = 0, DAY_SECONDS - 1
        self._album = None
        waiting = deque(given)
        for second in seconds:
            while waiting and waiting[0].date.timestamp() <= midnight + second:
                yield self._stated(waiting.popleft())
            post = self._next(rng, midnight + second)
            yield self._numbered(post, gap=self._gap(rng))
        for message in waiting:
            yield self._stated(message)

    def _gap(self, rng: Random) -> int:
        return 1 + int(rng.random() * MOST_ODD_GAP) if rng.random() < self._mix.gaps else 0

    def _numbered(self, post: Post, *, gap: int) -> Post:
        post.gap = gap
        post.id = self._next_id + gap
        self._next_id = post.id + 1
        if post.reply_to is not None and post.thread is None:
            post.thread = post.reply_to
        if post.action is None:
            self._recent.append(Earlier(post.id, post.thread or post.id, post.topic, post.text))
        return post

    def _stated(self, message: ScenarioMessage) -> Post:
        post = post_of(message, chat=self._chat, cast=self._cast, labels=self._labels, topics=self._topics)
        self._numbered(post, gap=message.gap)
        if message.label:
            self._labels[message.label] = post.id
        if message.comments:
            self.comments[post.id] = message.comments
        return post

    def _news(self, rng: Random, at: int) -> Post:
        if rng.random() < self._mix.service:
            return Post(at=at, sender=self._chat.peer, action=generated_details.action(rng, self._pinnable()))
        post = Post(at=at, sender=self._chat.peer, text=texts.headline(rng, self._chat.spec.language))
        self._adorn(rng, post)
        post.views, post.forwards = 100 + int(rng.random() * 5000), int(rng.random() * 40)
        if self._chat.spec.signed:
            post.signature = self._cast.people.by_id[texts.pick(rng, self._own)].display_name
        return post

    def _private(self, rng: Random, at: int) -> Post:
        owner = self._cast.account_id(self._chat)
        post = self._written(rng, at)
        post.sender = owner if rng.random() < 0.5 else self._chat.peer  # noqa: PLR2004 - two people talk
        return post

    def _remark(self, rng: Random, at: int) -> Post:
        if rng.random() < self._mix.service:
            member = texts.pick(rng, self._own)
            action = generated_details.action(rng, self._pinnable(), member=member)
            return Post(at=at, sender=member, action=action, topic=self._topic_of(rng))
        post = self._written(rng, at)
        if self._chat.type == "supergroup" and rng.random() < self._mix.anonymous:
            post.sender = self._chat.peer
        else:
            # Squared: a few people write much and many write little.
            members = self._chat.members
            post.sender = members[int(rng.random() ** 2 * len(members))].id
        return post

    def _written(self, rng: Random, at: int) -> Post:
        """A message of somebody, whoever it is: text, reply, decoration."""
        post = Post(at=at, sender=None, topic=self._topic_of(rng))
        post.thread = post.topic if post.topic != GENERAL_TOPIC else None
        question = rng.random() < self._mix.questions
        post.text = texts.remark(rng, self._chat.spec.language, question=question)
        if self._recent and rng.random() < self._mix.replies:
            earlier = texts.pick(rng, self._recent)
            if earlier.topic == post.topic:
                post.reply_to = earlier.id
                post.thread = post.thread or earlier.thread
                if earlier.text and rng.random() < self._mix.quotes:
                    post.quote = earlier.text.partition(" ")[0]
        self._adorn(rng, post)
        return post

    def _adorn(self, rng: Random, post: Post) -> None:
        mix = self._mix
        if rng.random() < mix.odd:
            post.text = texts.odd_text(rng)
        elif rng.random() < mix.links:
            post.text, post.entities = texts.with_link(rng, post.text)
        elif rng.random() < mix.code:
            post.text, post.entities = texts.with_code(rng, post.text)
        elif rng.random() < mix.mentions:
            username = self._cast.people.by_id[texts.pick(rng, self._own)].username
            post.text, post.entities = texts.with_mention(post.text, username or "sandbox_person")
        if rng.random() < mix.forwards:
            post.forward = generated_details.forward(rng, post.at, self._cast.origins, self._cast.people)
        if rng.random() < mix.media:
            post.media = generated_details.media(rng)
        elif rng.random() < mix.polls:
            post.text, post.entities, post.media = "", (), generated_details.poll(rng)
        if rng.random() < mix.reactions:
            post.reactions = generated_details.reactions(rng, broadcast=self._chat.is_broadcast)
            if not self._chat.is_broadcast:
                post.recent = tuple(sorted({texts.pick(rng, self._own) for _ in range(2)}))
            post.edited, post.edit_hidden = post.at + 60, True
        if rng.random() < mix.edits:
            post.edited, post.edit_hidden = post.at + 1 + int(rng.random() * 3600), False

    def _next(self, rng: Random, at: int) -> Post:
        """The next picture of an album that is under way, or a new message, with which an album may begin."""
        if self._album is not None:
            first, left = self._album
            self._album = (first, left - 1) if left > 1 else None
            part = Post(at=first.at, sender=first.sender, topic=first.topic, thread=first.thread)
            part.album, part.media = first.album, generated_details.photo(rng)
            part.views, part.forwards, part.signature = first.views, first.forwards, first.signature
            return part
        post = self._makes(rng, at)
        if post.action is None and post.media is None and rng.random() < self._mix.albums:
            post.album, post.media = rng.getrandbits(60), generated_details.photo(rng)
            self._album = (post, 1 + int(rng.random() * 3))
        return post

    def _topic_of(self, rng: Random) -> int | None:
        if not self._topics:
            return None
        return texts.pick(rng, [GENERAL_TOPIC, *self._topics.values()])

    def _pinnable(self) -> int | None:
        return self._recent[-1].id if self._recent else None


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def next_midnight(at: int) -> int:
    """Returns the first second of the next UTC day."""
    return int(
        (datetime.fromtimestamp(at, UTC).replace(hour=0, minute=0, second=0) + timedelta(days=1)).timestamp()
    )
