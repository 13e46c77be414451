"""What hangs on a generated message: media, polls, reactions, forwards, service actions."""

from collections.abc import Sequence
from random import Random

from tg_fetcher_sandbox.people import People
from tg_fetcher_sandbox.posts import Action, Forward, Media, MediaKind, Poll, Reaction
from tg_fetcher_sandbox.texts import pick

EMOJI = ("👍", "❤", "🔥", "😁", "🤔", "👎", "🎉", "😢")
CUSTOM = "custom:5368324170671202286"
PAID = "paid"
MEDIA: tuple[MediaKind, ...] = ("photo", "photo", "document", "voice", "sticker", "webpage", "geo")
POLLS = (
    ("Какой брокер у вас в продакшене?", ("Redis", "RabbitMQ", "Kafka", "Никакого")),
    ("Tabs or spaces?", ("Tabs", "Spaces")),
    ("Когда созвон?", ("Вторник", "Четверг", "Никогда")),
)
TITLES = ("Чат про Python", "Python talk", "Ночная смена")
HIDDEN_NAMES = ("Скрытый Автор", "Hidden Author")
MONTH = 30 * 86_400
FEW_VOTES = 40


def photo(rng: Random) -> Media:
    """Returns a photo, as albums are made of."""
    return Media("photo", rng.getrandbits(48))


def media(rng: Random) -> Media:
    """Returns some attachment that is no poll."""
    return Media(pick(rng, MEDIA), rng.getrandbits(48))


def poll(rng: Random) -> Media:
    """Returns a poll; every third one hides its results."""
    question, options = pick(rng, POLLS)
    votes = tuple(int(rng.random() * FEW_VOTES) for _ in options) if rng.random() < 2 / 3 else None
    return Media("poll", rng.getrandbits(48), Poll(question, options, votes, closed=rng.random() < 0.2))  # noqa: PLR2004


def reactions(rng: Random, *, broadcast: bool) -> tuple[Reaction, ...]:
    """Returns one to three kinds of reactions, most given first; custom and paid ones are rare."""
    kinds = {pick(rng, EMOJI) for _ in range(1 + int(rng.random() * 3))}
    if rng.random() < 0.05:  # noqa: PLR2004 - rare
        kinds.add(PAID if broadcast else CUSTOM)
    most = 200 if broadcast else 6
    found = [Reaction(kind, 1 + int(rng.random() * most)) for kind in sorted(kinds)]
    return tuple(sorted(found, key=lambda reaction: -reaction.count))


def forward(rng: Random, at: int, origins: Sequence[int], people: People) -> Forward:
    """Returns an origin: a channel's post, a user, or somebody who hides the account."""
    date = at - 1 - int(rng.random() * MONTH)
    kind = int(rng.random() * 3)
    if kind == 0:
        author = "Редакция" if rng.random() < 0.5 else None  # noqa: PLR2004 - every other one
        return Forward(date, peer=pick(rng, origins), post=1 + int(rng.random() * 9000), author=author)
    if kind == 1:
        return Forward(date, peer=pick(rng, people.crowd).id)
    return Forward(date, name=pick(rng, HIDDEN_NAMES))


def action(rng: Random, pinnable: int | None, *, member: int | None = None) -> Action:
    """Returns what a service message reports; only a chat's own people join it."""
    kind = int(rng.random() * 3)
    if kind == 0 and pinnable is not None:
        return Action("pin", target=pinnable)
    if kind == 1 and member is not None:
        return Action("join", peers=(member,))
    return Action("title", title=pick(rng, TITLES))
