"""A channel and its discussion group, made together: each post is copied into the group, comments answer it.

In Telegram a post's comments are ordinary messages of the linked supergroup, in the thread of the post's
automatic copy (https://core.telegram.org/api/discussion).
"""

from dataclasses import replace
from random import Random

from tg_fetcher_sandbox import texts
from tg_fetcher_sandbox.cast import Cast
from tg_fetcher_sandbox.chats import Chat
from tg_fetcher_sandbox.generator import ChatWriter, next_midnight
from tg_fetcher_sandbox.posts import Forward, Post, seeded
from tg_fetcher_sandbox.scenario import Comments
from tg_fetcher_sandbox.scenario_messages import ScenarioComment

WITHIN_SECONDS = 4 * 3600
ANSWERS_TO_COMMENTS = 0.25


def channel_and_group(channel: Chat, group: Chat, *, cast: Cast, seed: int) -> tuple[list[Post], list[Post]]:
    """Returns the posts of a channel and the messages of its group, oldest first, both numbered."""
    writer = ChatWriter(channel, cast=cast, seed=seed)
    posts = list(writer.posts())
    chatter = list(ChatWriter(group, cast=cast, seed=seed).posts())
    written: list[Post] = list(chatter)
    latest = next_midnight(posts[-1].at) - 1 if posts else 0
    wanted = _comments_of(channel)
    copies: list[tuple[Post, Post]] = []
    albums: set[int] = set()
    for post in posts:
        if post.action is not None:
            continue
        copy = _copy(post, channel)
        written.append(copy)
        if post.album is not None and post.album in albums:
            continue
        if post.album is not None:
            albums.add(post.album)
        copies.append((post, copy))
    answers: dict[int, Post] = {}
    tops: dict[int, Post] = {}
    for post, copy in copies:
        rng = seeded(f"{seed}:{channel.name}:comments:{post.id}")
        if post.id in writer.comments:
            comments = [_given(comment, group=group, cast=cast) for comment in writer.comments[post.id]]
        else:
            comments = _generated(rng, post, group=group, wanted=wanted, latest=latest)
        for number, comment in enumerate(comments):
            earlier = texts.pick(rng, comments[:number]) if number else copy
            is_answer = number > 0 and rng.random() < ANSWERS_TO_COMMENTS
            answers[id(comment)] = earlier if is_answer else copy
            tops[id(comment)] = copy
        written += comments
    _renumber(written, chatter=chatter, answers=answers, tops=tops)
    for post, copy in copies:
        post.root = copy.id
    return posts, written


def _comments_of(channel: Chat) -> Comments:
    wanted = channel.spec.comments
    if wanted is None:
        return Comments()
    return Comments(exactly=wanted) if isinstance(wanted, int) else wanted


def _copy(post: Post, channel: Chat) -> Post:
    """The automatic forward of a post in the group."""
    origin = Forward(post.at, peer=channel.peer, post=post.id, saved_from=(channel.peer, post.id))
    return replace(
        post, id=0, gap=0, forward=origin, reactions=(), recent=(), edited=None, reply_to=None, thread=None
    )


def _given(comment: ScenarioComment, *, group: Chat, cast: Cast) -> Post:
    sender = cast.peer(comment.sender, group) if comment.sender else group.members[0].id
    return Post(at=int(comment.date.timestamp()), sender=sender, text=comment.text)


def _generated(rng: Random, post: Post, *, group: Chat, wanted: Comments, latest: int) -> list[Post]:
    if wanted.exactly is not None:
        count = wanted.exactly
    else:
        count = 1 + int(rng.random() * wanted.most) if wanted.most and rng.random() < wanted.share else 0
    moments = sorted(min(latest, post.at + 1 + int(rng.random() * WITHIN_SECONDS)) for _ in range(count))
    language = group.spec.language
    return [
        Post(
            at=max(at, post.at),
            sender=texts.pick(rng, group.members).id,
            text=texts.remark(rng, language, question=rng.random() < group.spec.mix.questions),
        )
        for at in moments
    ]


def _renumber(
    written: list[Post], *, chatter: list[Post], answers: dict[int, Post], tops: dict[int, Post]
) -> None:
    """Numbers the group's messages in order of time and lets replies follow their targets."""
    before = {post.id: post for post in chatter}
    replies = {id(post): (before.get(post.reply_to or 0), before.get(post.thread or 0)) for post in chatter}
    pinned = {id(post): before.get(post.action.target or 0) for post in chatter if post.action is not None}
    # Stable: a post's copy stands before the comments of the same second.
    written.sort(key=lambda post: post.at)
    next_id = 1
    for post in written:
        post.id = next_id + post.gap
        next_id = post.id + 1
    for post in written:
        key = id(post)
        if key in answers:
            post.reply_to, post.thread = answers[key].id, tops[key].id
        elif key in replies:
            target, thread = replies[key]
            post.reply_to = target.id if target else None
            post.thread = thread.id if thread else None
        if key in pinned and post.action is not None:
            found = pinned[key]
            post.action = replace(post.action, target=found.id if found else None)
