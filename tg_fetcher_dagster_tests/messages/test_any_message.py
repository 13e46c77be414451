"""Whatever Telegram sends: no message is lost, nothing raises, and what is written fits the schema."""

import jsonschema
import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tg_fetcher_dagster.messages.json_schema import schema_files
from tg_fetcher_dagster.messages.schema import Message
from tg_fetcher_dagster_tests.messages.raw import assembly

VALIDATOR = jsonschema.Draft202012Validator(
    {
        **orjson.loads(schema_files()["day_file.schema.json"]),
        "$ref": "#/$defs/Message",
        "required": [],
        "type": "object",
    }
)
ids = st.integers(1, 2**40)
long_ids = st.integers(-(2**63), 2**63 - 1)
texts = st.one_of(
    st.text(max_size=40),
    st.text(st.characters(codec=None, categories=["Cs", "Lu", "Po", "So"]), max_size=10),
    st.sampled_from(["", "как дела?", "https://[x utm", "a\x00b", "def f():\n  return 1\nx = 2"]),
)
# `_` is always the name of a constructor, never a field.
field_names = texts.filter(lambda name: name != "_")
moments = st.datetimes().map(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%S}+00:00".rjust(25, "0"))
flags = st.sampled_from([None, False, True])
peers = st.one_of(
    st.builds(lambda number: {"_": "PeerUser", "user_id": number}, ids),
    st.builds(lambda number: {"_": "PeerChat", "chat_id": number}, ids),
    st.builds(lambda number: {"_": "PeerChannel", "channel_id": number}, ids),
    st.just({"_": "PeerOfTomorrow", "x": 1}),
)


def maybe(strategy):
    return st.one_of(st.none(), strategy)


def record(*constructors, **fields):
    """Any of the constructors with any of the fields, some of them missing."""
    return st.fixed_dictionaries({"_": st.sampled_from(constructors)}, optional=fields)


entities = st.lists(
    record(
        "MessageEntityUrl",
        "MessageEntityTextUrl",
        "MessageEntityPre",
        "MessageEntityOfTomorrow",
        offset=st.integers(-5, 60),
        length=st.integers(-5, 60),
        url=texts,
        document_id=long_ids,
    ),
    max_size=4,
)
reactions = record(
    "ReactionEmoji", "ReactionCustomEmoji", "ReactionPaid", "ReactionX", emoticon=texts, document_id=long_ids
)
attributes = st.lists(
    record(
        "DocumentAttributeVideo",
        "DocumentAttributeAudio",
        "DocumentAttributeFilename",
        "DocumentAttributeX",
        w=ids,
        h=ids,
        duration=st.integers(0, 10**6),
        file_name=texts,
        title=texts,
    ),
    max_size=3,
)
media = record(
    "MessageMediaPhoto",
    "MessageMediaDocument",
    "MessageMediaPoll",
    "MessageMediaWebPage",
    "MessageMediaGeo",
    "MessageMediaContact",
    "MessageMediaDice",
    "MessageMediaStory",
    "MessageMediaOfTomorrow",
    "MessageMediaEmpty",
    photo=maybe(
        record("Photo", id=long_ids, sizes=st.lists(record("PhotoSize", w=ids, h=ids, size=ids), max_size=2))
    ),
    document=maybe(record("Document", id=long_ids, mime_type=texts, size=ids, attributes=attributes)),
    webpage=maybe(record("WebPage", url=texts, title=texts)),
    poll=maybe(
        record(
            "Poll",
            id=long_ids,
            question=texts,
            answers=st.lists(record("PollAnswer", text=texts), max_size=2),
        )
    ),
    results=maybe(record("PollResults", total_voters=maybe(ids))),
    geo=maybe(record("GeoPoint", lat=st.floats(-90, 90), long=st.floats(-180, 180))),
    peer=peers,
    spoiler=flags,
    first_name=texts,
    emoticon=texts,
    value=ids,
)
actions = st.one_of(
    record(
        "MessageActionPinMessage",
        "MessageActionOfTomorrow",
        title=texts,
        users=st.lists(ids, max_size=3),
        chat_id=ids,
    ),
    st.builds(
        lambda name, value: {"_": "MessageActionX", name: value},
        field_names,
        st.recursive(
            st.one_of(st.none(), st.booleans(), long_ids, texts, peers),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3), st.dictionaries(field_names, inner, max_size=3)
            ),
            max_leaves=5,
        ),
    ),
)
messages = st.fixed_dictionaries(
    {"_": st.sampled_from(["Message", "MessageService"]), "id": ids, "date": moments, "peer_id": peers},
    optional={
        "message": texts,
        "from_id": maybe(peers),
        "out": flags,
        "post": flags,
        "entities": entities,
        "pinned": flags,
        "edit_hide": flags,
        "edit_date": maybe(moments),
        "views": maybe(ids),
        "forwards": maybe(ids),
        "grouped_id": maybe(long_ids),
        "post_author": maybe(texts),
        "media": maybe(media),
        "action": maybe(actions),
        "replies": maybe(record("MessageReplies", replies=ids, comments=flags)),
        "fwd_from": maybe(
            record(
                "MessageFwdHeader",
                date=moments,
                from_id=maybe(peers),
                from_name=maybe(texts),
                channel_post=maybe(ids),
                saved_from_peer=maybe(peers),
                imported=flags,
            )
        ),
        "reply_to": maybe(
            record(
                "MessageReplyHeader",
                "MessageReplyStoryHeader",
                reply_to_msg_id=maybe(ids),
                reply_to_top_id=maybe(ids),
                forum_topic=flags,
                reply_to_peer_id=maybe(peers),
                quote_text=maybe(texts),
                peer=peers,
                story_id=ids,
            )
        ),
        "reactions": maybe(
            record(
                "MessageReactions",
                min=flags,
                results=st.lists(record("ReactionCount", reaction=reactions, count=ids), max_size=3),
                recent_reactions=maybe(
                    st.lists(record("MessagePeerReaction", peer_id=peers, reaction=reactions), max_size=3)
                ),
            )
        ),
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    value=messages,
    comments=maybe(st.lists(messages, max_size=2)),
    kind=st.sampled_from(["channel", "supergroup"]),
)
def test_no_message_is_lost_and_every_one_fits_the_schema(value, comments, kind):
    body = assembly(kind, forum=True).add_message(value, comments)
    written = orjson.loads(body)
    assert written["id"] == value["id"]
    assert bool(written["text"]) == bool(value.get("message"))
    # Nothing is written that the model does not know, and nothing in another shape.
    assert (
        orjson.loads(Message.model_validate(written, strict=True).model_dump_json(exclude_unset=True))
        == written
    )
    VALIDATOR.validate(written)
    assert assembly(kind, forum=True).add_message(value, comments) == body
