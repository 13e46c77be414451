from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from telethon.extensions import BinaryReader
from telethon.tl import types
from telethon.utils import get_peer_id

import tg_fetcher_sandbox
from tg_fetcher_dagster_tests.sandbox.worlds import EVERY_KIND, one_chat, world
from tg_fetcher_sandbox.posts import Reaction
from tg_fetcher_sandbox.scenario import load_scenario
from tg_fetcher_sandbox.truth import world_truth
from tg_fetcher_sandbox.world import World

MENTIONABLE = (types.User, types.Chat, types.Channel)


def decoded(made, name, account="main"):
    history = made.history(made.chats[name], made.account(account))
    return [BinaryReader(bytes(history.body(place))).tgread_object() for place in range(len(history))]


def told(made, name, **options):
    days = world_truth(made, chats=[name], **options)["chats"][name]["days"]
    return [message for day in days.values() for message in reversed(day["messages"])]


def explicit(**message):
    made = one_chat(type="supergroup", messages=[{"date": "2025-11-07T10:00:00", **message}])
    return decoded(made, "chat")[0]


def test_the_same_seed_gives_the_same_world_and_another_seed_another():
    first, again, other = world_truth(world()), world_truth(world()), world_truth(world(seed=8))
    assert first == again
    assert first["chats"]["busy"]["days"] != other["chats"]["busy"]["days"]


def test_another_volume_on_one_day_leaves_the_next_day_its_texts():
    def day(volume):
        made = one_chat(type="supergroup", messages_per_day=volume, days=days, mix={"replies": 0})
        return [message["text"] for message in told(made, "chat") if message["date"] > "2025-11-07"]

    days = {"from": "2025-11-06", "to": "2025-11-07"}
    assert day([5, 20]) == day([50, 20])


def test_a_day_has_as_many_messages_as_the_scenario_says():
    truth = world_truth(world())
    assert {day: of["count"] for day, of in truth["chats"]["busy"]["days"].items()} == {
        "2025-11-05": 150,
        "2025-11-06": 150,
        "2025-11-07": 150,
    }
    assert {day: of["count"] for day, of in truth["chats"]["quiet"]["days"].items()} == {"2025-11-06": 1}


def test_busy_days_have_messages_on_their_first_and_last_second():
    times = {message["date"][11:] for message in told(world(), "busy")}
    assert {"00:00:00Z", "23:59:59Z"} <= times


def test_what_is_sent_is_what_is_true():
    made = world()
    for name in set(made.chats) - {"outside_channel"}:
        sent, true = decoded(made, name), told(made, name)
        assert [message.id for message in sent] == [message["id"] for message in true]
        assert [message.date.strftime("%Y-%m-%dT%H:%M:%SZ") for message in sent] == [
            message["date"] for message in true
        ]
        assert [message.message for message in sent] == [message["text"] for message in true]


def test_every_kind_of_thing_occurs():
    messages = decoded(world(), "busy")
    kinds = Counter(type(message.media).__name__ for message in messages)
    assert {"MessageMediaPhoto", "MessageMediaDocument", "MessageMediaPoll", "MessageMediaGeo"} <= set(kinds)
    assert any(isinstance(message, types.MessageService) for message in messages)
    assert any(message.reply_to and message.reply_to.quote_text for message in messages)
    forwards = [message.fwd_from for message in messages if message.fwd_from]
    assert any(forward.from_name for forward in forwards)
    assert any(isinstance(forward.from_id, types.PeerChannel) for forward in forwards)
    assert any(isinstance(forward.from_id, types.PeerUser) for forward in forwards)
    assert any(message.reactions for message in messages)
    assert any("\x00" in (message.message or "") for message in messages)
    assert any(isinstance(message.from_id, types.PeerChannel) for message in messages)


def test_an_album_is_of_one_sender_and_one_second_with_the_caption_first():
    albums = {}
    for message in decoded(world(), "busy"):
        if getattr(message, "grouped_id", None):
            albums.setdefault(message.grouped_id, []).append(message)
    assert albums
    for album in albums.values():
        assert len({get_peer_id(message.from_id) for message in album}) == 1
        assert len({message.date for message in album}) == 1
        assert not any(message.message for message in album[1:])


def test_entities_count_utf16_units():
    for message in decoded(world(), "busy"):
        for entity in getattr(message, "entities", None) or []:
            units = (message.message or "").encode("utf-16-le")
            span = units[2 * entity.offset : 2 * (entity.offset + entity.length)].decode("utf-16-le")
            if isinstance(entity, types.MessageEntityMention):
                assert span.startswith("@")
            assert len(units) >= 2 * (entity.offset + entity.length)
            assert span


def test_comments_live_in_the_thread_of_the_posts_copy():
    made = world()
    copies = {
        message.fwd_from.channel_post: message.id
        for message in decoded(made, "news_discussion")
        if getattr(message, "fwd_from", None) and message.fwd_from.saved_from_msg_id
    }
    group = {message.id: message for message in decoded(made, "news_discussion")}
    posts = told(made, "news")
    assert sum(len(post.get("comments", [])) for post in posts) > 5
    for post in posts:
        for comment in post.get("comments", []):
            header = group[comment["id"]].reply_to
            assert copies[post["id"]] in {header.reply_to_msg_id, header.reply_to_top_id}
            assert comment["date"] >= post["date"]


def test_a_post_counts_its_comments():
    made = world()
    true = {post["id"]: post for post in told(made, "news")}
    for post in decoded(made, "news"):
        if getattr(post, "replies", None):
            assert post.replies.comments
            assert post.replies.replies == len(true[post.id]["comments"])


def test_two_accounts_number_a_basic_group_differently_and_a_supergroup_alike():
    made = world()
    for name, is_alike in (("family", False), ("busy", True)):
        first = [message.id for message in decoded(made, name, "main")]
        second = [message.id for message in decoded(made, name, "second")]
        assert (first == second) is is_alike
        assert len(first) == len(second)
    assert [message["id"] for message in told(made, "family", account="second")] == [
        message.id for message in decoded(made, "family", "second")
    ]


def test_replies_in_a_basic_group_name_the_accounts_own_ids():
    for account in ("main", "second"):
        messages = decoded(world(), "family", account)
        ids = {message.id for message in messages}
        replies = [message.reply_to.reply_to_msg_id for message in messages if message.reply_to]
        assert replies
        assert set(replies) <= ids


def test_in_a_private_chat_only_ones_own_messages_name_their_sender():
    made = world()
    true = told(made, "talk")
    own = made.account("main").user_id
    for message, expected in zip(decoded(made, "talk"), true, strict=True):
        assert message.out is (expected["sender_id"] == own)
        assert (message.from_id is not None) is message.out


def test_a_forums_messages_name_their_topic():
    made = world()
    topics = {message.id for message in decoded(made, "forum") if _is_topic(message)}
    assert len(topics) == 2
    for message, true in zip(decoded(made, "forum"), told(made, "forum"), strict=True):
        header = message.reply_to
        if header and header.forum_topic:
            assert (header.reply_to_top_id or header.reply_to_msg_id) == true["topic"]
        elif message.id not in topics and true["type"] == "message":
            assert true["topic"] == 1


def _is_topic(message):
    return isinstance(getattr(message, "action", None), types.MessageActionTopicCreate)


def test_a_migrated_group_ends_where_its_supergroup_begins():
    made = world()
    last = decoded(made, "forum_before")[-1]
    first = decoded(made, "forum")[0]
    assert last.action.channel_id == -made.chats["forum"].peer - 1_000_000_000_000
    assert first.action.chat_id == -made.chats["forum_before"].peer


def test_hidden_history_is_neither_sent_nor_true():
    days = {"from": "2025-11-05", "to": "2025-11-07"}
    made = one_chat(type="supergroup", messages_per_day=5, days=days, hidden_before="2025-11-06")
    assert {message["date"][:10] for message in told(made, "chat")} == {"2025-11-06", "2025-11-07"}
    assert decoded(made, "chat")[0].id > 5


def test_explicit_messages_say_exactly_what_they_say():
    made = one_chat(
        type="supergroup",
        messages=[
            {"date": "2025-11-07T10:00:00", "as": "q", "text": "Вопрос?", "from": "anna", "gap": 3},
            {
                "date": "2025-11-07T13:00:00+03:00",
                "text": "ответ",
                "from": "ghost",
                "reactions": {"👍": 3, "custom:77": 1, "paid": 2},
                "views": 5,
                "edited": "2025-11-07T12:00:00",
            },
            {"date": "2025-11-07T10:00:02", "text": "да", "reply_to": "q", "from": "anonymous"},
            {"date": "2025-11-07T10:00:03", "action": {"pin": "q"}},
            {"date": "2025-11-07T10:00:04", "forward": {"name": "Hidden"}, "media": "photo", "album": "a"},
            {"date": "2025-11-07T10:00:05", "poll": {"question": "?", "options": ["a", "b"]}},
        ],
    )
    question, answer, yes, pin, forward, poll = decoded(made, "chat")
    assert (question.id, question.message) == (4, "Вопрос?")
    assert answer.date == datetime(2025, 11, 7, 10, tzinfo=UTC)
    assert [result.count for result in answer.reactions.results] == [3, 1, 2]
    assert (answer.views, answer.forwards, answer.edit_hide) == (5, 0, False)
    assert yes.reply_to.reply_to_msg_id == 4
    assert get_peer_id(yes.from_id) == made.chats["chat"].peer
    assert isinstance(pin.action, types.MessageActionPinMessage)
    assert pin.reply_to.reply_to_msg_id == 4
    assert forward.fwd_from.from_name == "Hidden"
    assert forward.grouped_id
    assert poll.media.results.results is None


def test_every_explicit_action_is_a_service_message():
    for action, expected in (
        ({"title": "New"}, types.MessageActionChatEditTitle),
        ({"join": ["anna"]}, types.MessageActionChatAddUser),
        ({"leave": "anna"}, types.MessageActionChatDeleteUser),
        ({"created": "Chat"}, types.MessageActionChannelCreate),
    ):
        assert isinstance(explicit(action=action).action, expected)


def test_every_explicit_entity_reaches_the_wire():
    kinds = ["bold", "italic", "code", "pre", "url", "text_url", "mention", "hashtag", "spoiler"]
    entities = [{"kind": kind, "offset": 0, "length": 1, "value": "x"} for kind in kinds]
    assert len(explicit(text="x", entities=entities).entities) == len(kinds)


def test_what_is_changed_is_changed_for_readers_and_in_the_truth():
    made = world()
    before = told(made, "quiet")
    made.edit("quiet", before[0]["id"], text="edited", reactions=(Reaction("👍", 2),))
    number = made.post("quiet", at=1762560000, sender=made.people.by_name["anna"].id, text="new")
    assert [message.message for message in decoded(made, "quiet")] == ["edited", "new"]
    assert [message["text"] for message in told(made, "quiet")] == ["edited", "new"]
    made.delete("quiet", number)
    assert [message.message for message in decoded(made, "quiet")] == ["edited"]


def test_a_username_can_change_hands():
    made = world()
    made.rename("busy", "other_name")
    made.rename("quiet", "busy_group")
    assert made.peer_of_username("BUSY_group") == made.chats["quiet"].peer
    assert made.peer_of_username("quiet_group") is None
    assert made.chats["quiet"].key == "busy_group"


def test_keys_are_the_username_in_lower_case_or_the_kind_and_id():
    chats = world().chats
    assert chats["news"].key == "sandbox_news"
    assert chats["talk"].key == "anna_p"
    assert chats["family"].key == f"chat_{-chats['family'].peer}"
    assert chats["secret"].key == f"channel_{-chats['secret'].peer - 1_000_000_000_000}"


def test_the_truth_names_every_chat_that_the_scenario_brings():
    named = set(world_truth(world())["chats"])
    assert named == {*EVERY_KIND["chats"], "news_discussion", "forum_before"}


def test_every_entity_of_the_demo_lies_inside_its_text():
    demo = World(load_scenario(Path(tg_fetcher_sandbox.__file__).parent / "scenarios" / "demo.yaml"))
    for name in ("news", "python_chat", "news_discussion"):
        for message in told(demo, name):
            for entity in message["entities"]:
                units = (message["text"] or "").encode("utf-16-le")
                assert len(units) >= 2 * (entity["offset"] + entity["length"])


def test_comments_may_be_hundreds_and_exactly_as_many_as_said():
    made = one_chat(type="channel", messages_per_day=2, comments=130, discussion={})
    posts = [post for post in told(made, "chat") if post["type"] == "message"]
    assert [len(post["comments"]) for post in posts] == [130, 130]
    assert all(comment["date"].startswith("2025-11-07") for post in posts for comment in post["comments"])
