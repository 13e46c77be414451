import datetime as dt

from telethon.tl import types

from tg_fetcher_dagster_tests.messages.raw import CHAT_MARKED, NOON, channel, mapped, message, service

CONTRACT_KEYS = [
    "id", "date", "text", "sender_id", "reply_to_msg_id", "forward_from", "reactions",
    "token_count", "normalized_links", "message_type", "lang",
]  # fmt: skip


def test_a_bare_message_has_the_keys_of_schema_1_0_and_no_others():
    got = mapped(message(42, "hello", date=dt.datetime(2025, 11, 7, 23, 59, 59, tzinfo=dt.UTC)))
    assert list(got) == CONTRACT_KEYS
    assert got["id"] == 42
    assert got["date"] == "2025-11-07T23:59:59Z"
    assert got["text"] == "hello"
    assert got["reply_to_msg_id"] is None
    assert got["forward_from"] is None
    assert got["reactions"] == []


def test_a_moment_in_another_offset_is_written_in_utc():
    value = message()
    value["date"] = "2025-11-08T02:30:00+03:00"
    assert mapped(value)["date"] == "2025-11-07T23:30:00Z"


def test_a_message_without_text_has_null_and_no_tokens():
    got = mapped(message(text=""))
    assert got["text"] is None
    assert got["token_count"] == 0
    assert got["lang"] == "other"


def test_a_nul_byte_is_kept_and_a_lone_surrogate_is_replaced():
    value = message(text="x")
    value["message"] = "a\x00b \ud83d c"
    assert mapped(value)["text"] == "a\x00b \ufffd c"


def test_a_reaction_bumps_edit_date_with_edit_hide_and_is_no_edit():
    assert "edit_date" not in mapped(message(edit_date=NOON, edit_hide=True))
    assert mapped(message(edit_date=NOON))["edit_date"] == "2025-11-07T12:00:00Z"


def test_counts_flags_and_albums_are_added_where_they_say_something():
    got = mapped(
        message(
            views=10, forwards=0, pinned=True, silent=True, noforwards=True, via_bot_id=5, grouped_id=2**60,
            replies=types.MessageReplies(replies=4, replies_pts=1),
        )
    )  # fmt: skip
    assert got["views"] == 10
    assert got["forwards_count"] == 0
    assert got["replies_count"] == 4
    assert got["album"] == str(2**60)
    assert got["via_bot_id"] == 5
    assert got["pinned"] is got["silent"] is got["noforwards"] is True


def test_entity_offsets_stay_in_utf_16_units():
    got = mapped(
        message(
            text="😀 bold",
            entities=[
                types.MessageEntityBold(3, 4),
                types.MessageEntityTextUrl(0, 2, "https://a.b/"),
                types.MessageEntityCustomEmoji(0, 2, 2**62),
                types.MessageEntityMentionName(3, 4, 7),
                types.MessageEntityPre(3, 4, "python"),
            ],
        )
    )
    assert got["entities"] == [
        {"type": "bold", "offset": 3, "length": 4},
        {"type": "text_url", "offset": 0, "length": 2, "url": "https://a.b/"},
        {"type": "custom_emoji", "offset": 0, "length": 2, "document_id": str(2**62)},
        {"type": "mention_name", "offset": 3, "length": 4, "user_id": 7},
        {"type": "pre", "offset": 3, "length": 4, "language": "python"},
    ]


def test_a_forward_names_its_origin_by_the_title_from_the_page():
    header = types.MessageFwdHeader(
        date=NOON, from_id=types.PeerChannel(9), channel_post=77, post_author="Anna",
        saved_from_peer=types.PeerChannel(9), saved_from_msg_id=77,
    )  # fmt: skip
    assert mapped(message(fwd_from=header), chats=[channel(9, "News")])["forward_from"] == {
        "from_id": -1_000_000_000_009,
        "from_name": "News",
        "date": "2025-11-07T12:00:00Z",
        "channel_post": 77,
        "post_author": "Anna",
        "saved_from_peer_id": -1_000_000_000_009,
        "saved_from_msg_id": 77,
    }


def test_a_forward_of_a_hidden_author_has_only_the_name_and_an_imported_one_may_have_neither():
    hidden = mapped(message(fwd_from=types.MessageFwdHeader(date=NOON, from_name="Someone")))["forward_from"]
    assert hidden == {"from_id": None, "from_name": "Someone", "date": "2025-11-07T12:00:00Z"}
    neither = mapped(message(fwd_from=types.MessageFwdHeader(date=NOON, imported=True)))["forward_from"]
    assert neither == {"from_id": None, "from_name": None, "date": "2025-11-07T12:00:00Z", "imported": True}


def test_reactions_of_all_kinds_with_the_reactors_that_telegram_names():
    emoji, custom, paid = (
        types.ReactionEmoji("👍"),
        types.ReactionCustomEmoji(2**62 + 1),
        types.ReactionPaid(),
    )
    reactions = types.MessageReactions(
        results=[
            types.ReactionCount(emoji, 3),
            types.ReactionCount(custom, 1),
            types.ReactionCount(paid, 50),
        ],
        recent_reactions=[
            types.MessagePeerReaction(types.PeerUser(7), NOON, emoji),
            types.MessagePeerReaction(types.PeerChannel(123), NOON, emoji),
            types.MessagePeerReaction(types.PeerUser(8), NOON, custom),
        ],
    )
    assert mapped(message(reactions=reactions))["reactions"] == [
        {"emoji": "👍", "count": 3, "users": [7, CHAT_MARKED], "kind": "emoji"},
        {"emoji": str(2**62 + 1), "count": 1, "users": [8], "kind": "custom"},
        {"emoji": "⭐", "count": 50, "users": [], "kind": "paid"},
    ]


def test_partial_reactions_and_unknown_kinds_say_so():
    value = message(reactions=types.MessageReactions(results=[], min=True))
    value["reactions"]["results"] = [
        {"_": "ReactionCount", "reaction": {"_": "ReactionHologram"}, "count": 2},
        {"_": "ReactionCount", "reaction": {"_": "ReactionEmpty"}, "count": 1},
    ]
    got = mapped(value)
    assert got["reactions_partial"] is True
    assert [reaction["kind"] for reaction in got["reactions"]] == ["hologram", "empty"]


def test_a_service_message_keeps_its_typed_action():
    got = mapped(service(types.MessageActionTopicCreate(title="Jobs", icon_color=1, icon_emoji_id=5)))
    assert got["message_type"] == "service"
    assert got["text"] is None
    assert got["action"] == {
        "type": "topic_create", "title": "Jobs", "icon_color": 1, "icon_emoji_id": "5"
    }  # fmt: skip


def test_chats_in_actions_become_marked_ids_and_photos_lose_what_only_the_reader_needs():
    migrated = mapped(service(types.MessageActionChatMigrateTo(channel_id=9)))
    assert migrated["action"] == {"type": "chat_migrate_to", "channel_id": -1_000_000_000_009}
    before = mapped(service(types.MessageActionChannelMigrateFrom(title="Old", chat_id=9)))
    assert before["action"]["chat_id"] == -9
    photo = types.Photo(id=2**62, access_hash=1, file_reference=b"x", date=NOON, sizes=[], dc_id=2)
    edited = mapped(service(types.MessageActionChatEditPhoto(photo)))["action"]
    assert edited == {
        "type": "chat_edit_photo",
        "photo": {"type": "photo", "id": str(2**62), "date": "2025-11-07T12:00:00+00:00"},
    }
    boost = mapped(service(types.MessageActionRequestedPeer(button_id=1, peers=[types.PeerUser(7)])))[
        "action"
    ]
    assert boost == {"type": "requested_peer", "button_id": 1, "peers": [7]}


def test_an_action_of_a_newer_layer_keeps_its_name_and_fields():
    value = service(types.MessageActionPinMessage())
    value["action"] = {"_": "MessageActionSomethingNew", "type": "x", "depth": {"level": 3}, "big": 2**60}
    assert mapped(value)["action"] == {
        "type": "something_new", "kind": "x", "depth": {"level": 3}, "big": str(2**60)
    }  # fmt: skip
