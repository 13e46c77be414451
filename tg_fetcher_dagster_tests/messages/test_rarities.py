"""What few messages have is in the day file too: to-do lists, buttons, polls' solutions, whose talk it is."""

import datetime as dt

from telethon.tl import types

from tg_fetcher_dagster.messages.day import MappingOptions
from tg_fetcher_dagster_tests.messages.raw import CHAT, NOON, OPTIONS, assembly, mapped, message, plain

LATER = NOON + dt.timedelta(hours=1)


def marked(text, *entities):
    return types.TextWithEntities(text, list(entities))


def link(text, url):
    return marked(text, types.MessageEntityTextUrl(0, len(text), url))


def todo(**fields):
    items = [types.TodoItem(1, link("milk", "https://milk.example/")), types.TodoItem(2, marked("bread"))]
    return types.MessageMediaToDo(types.TodoList(marked("Groceries"), items, **fields), completions=None)


def test_a_to_do_list_says_what_is_to_be_done_and_who_has_done_it():
    media = todo(others_can_complete=True)
    media.completions = [types.TodoCompletion(2, types.PeerUser(7), LATER)]
    got = mapped(message(text="", media=media))
    assert got["media"] == {"type": "to_do"}
    assert got["todo"] == {
        "title": "Groceries",
        "items": [
            {
                "id": 1,
                "text": "milk",
                "text_entities": [
                    {"type": "text_url", "offset": 0, "length": 4, "url": "https://milk.example/"}
                ],
            },
            {"id": 2, "text": "bread", "completed_by": 7, "completed_at": "2025-11-07T13:00:00Z"},
        ],
        "others_can_complete": True,
    }
    assert got["normalized_links"] == ["https://milk.example/"]


def test_who_completed_an_item_that_is_gone_is_still_said():
    media = todo()
    media.completions = [types.TodoCompletion(9, types.PeerUser(7), LATER)]
    assert mapped(message(text="", media=media))["todo"]["more"]["completions"] == [
        {"type": "todo_completion", "id": "9", "completed_by": 7, "date": "2025-11-07T13:00:00+00:00"}
    ]


def buttons(*rows, **fields):
    return types.ReplyInlineMarkup([types.KeyboardInlineButtonRow(list(row)) for row in rows], **fields)


def inline(text, kind):
    return types.KeyboardInlineButton(text, kind, style=types.KeyboardButtonStyle(bg_primary=True))


def test_buttons_and_their_links_are_kept_and_the_links_count():
    markup = buttons(
        [inline("Open", types.InlineButtonTypeUrl("https://example.com/x?utm_source=tg"))],
        [
            inline("App", types.InlineButtonTypeWebView("https://app.example/")),
            inline("Who", types.InlineButtonTypeUserProfile(7)),
            inline("Do", types.InlineButtonTypeCallback(b"\x00\x01")),
            inline("Find", types.InlineButtonTypeSwitchInline("cats")),
        ],
    )
    got = mapped(message(text="choose https://a.example/", reply_markup=markup))
    assert got["buttons"] == [
        [{"text": "Open", "type": "url", "url": "https://example.com/x?utm_source=tg"}],
        [
            {"text": "App", "type": "web_view", "url": "https://app.example/"},
            {"text": "Who", "type": "user_profile", "user_id": 7},
            {"text": "Do", "type": "callback"},
            {"text": "Find", "type": "switch_inline", "more": {"query": "cats"}},
        ],
    ]
    assert "keyboard" not in got
    assert got["normalized_links"] == [
        "https://a.example/", "https://example.com/x", "https://app.example/"
    ]  # fmt: skip


def test_a_keyboard_is_told_from_buttons_and_keeps_its_hint():
    row = types.KeyboardButtonRow([types.KeyboardButton("My number", types.ButtonTypeRequestPhone())])
    keyboard = types.ReplyKeyboardMarkup([row], resize=True, placeholder="Press one")
    got = mapped(message(reply_markup=keyboard))
    assert got["buttons"] == [[{"text": "My number", "type": "request_phone"}]]
    assert got["keyboard"] == {"type": "keyboard_markup", "resize": True, "placeholder": "Press one"}
    hidden = mapped(message(reply_markup=types.ReplyKeyboardHide()))
    assert hidden["keyboard"] == {"type": "keyboard_hide"}
    assert "buttons" not in hidden


def test_a_button_of_an_older_layer_has_its_link_in_itself():
    value = message()
    value["reply_markup"] = {
        "_": "ReplyInlineMarkup",
        "rows": [
            {
                "_": "KeyboardButtonRow",
                "buttons": [{"_": "KeyboardButtonUrl", "text": "Open", "url": "https://e.com/"}],
            }
        ],
    }
    got = mapped(value)
    assert got["buttons"] == [[{"text": "Open", "type": "url", "url": "https://e.com/"}]]
    assert got["normalized_links"] == ["https://e.com/"]


def test_links_can_be_turned_off_for_buttons_too():
    options = MappingOptions(**{**vars(OPTIONS), "links": False})
    markup = buttons([inline("Open", types.InlineButtonTypeUrl("https://example.com/"))])
    value = message(reply_markup=markup)
    assert b'"normalized_links":[]' in assembly(options=options).add_message(value)


def test_whose_conversation_a_monoforums_message_is():
    got = mapped(message(from_id=types.PeerChannel(801), saved_peer_id=types.PeerUser(3)))
    assert got["saved_peer_id"] == 3
    assert got["sender_id"] == -1_000_000_000_801


def quiz():
    photo = types.MessageMediaPhoto(
        photo=types.Photo(id=5, access_hash=1, file_reference=b"", date=NOON, sizes=[], dc_id=2)
    )
    poll = types.Poll(
        id=2**60, question=link("Tabs?", "https://tabs.example/"), hash=1, quiz=True, close_period=60,
        answers=[types.PollAnswer(marked("yes"), b"\x00", media=photo, added_by=types.PeerUser(8))],
    )  # fmt: skip
    results = types.PollResults(
        solution="because", solution_media=photo, recent_voters=[types.PeerUser(7)],
        solution_entities=[types.MessageEntityTextUrl(0, 7, "https://why.example/")],
        results=[types.PollAnswerVoters(b"\x00", voters=1, recent_voters=[types.PeerUser(7)])],
    )  # fmt: skip
    return types.MessageMediaPoll(poll=poll, results=results, attached_media=photo)


def test_a_quiz_keeps_its_solution_its_media_and_whoever_is_named():
    got = mapped(message(text="", media=quiz()))
    poll = got["poll"]
    assert poll["solution"] == "because"
    assert poll["solution_entities"][0]["url"] == "https://why.example/"
    assert poll["solution_media"] == poll["media"] == {"type": "photo", "photo_id": "5"}
    assert poll["recent_voters"] == poll["answers"][0]["recent_voters"] == [7]
    assert poll["answers"][0]["media"] == {"type": "photo", "photo_id": "5"}
    assert poll["answers"][0]["added_by"] == 8
    assert poll["more"] == {"close_period": 60}
    assert got["normalized_links"] == ["https://tabs.example/", "https://why.example/"]


def test_a_fact_check_and_the_authors_rank():
    check = types.FactCheck(hash=1, country="DE", text=link("not so", "https://facts.example/"))
    got = mapped(message(factcheck=check, from_rank="wizard"))
    assert got["factcheck"] == {
        "text": "not so",
        "text_entities": [{"type": "text_url", "offset": 0, "length": 6, "url": "https://facts.example/"}],
        "country": "DE",
    }
    assert got["from_rank"] == "wizard"


def test_fields_without_a_key_of_ours_stand_under_more_as_telegram_names_them():
    got = mapped(
        message(
            effect=2**60, ttl_period=86_400, mentioned=True,
            suggested_post=types.SuggestedPost(price=types.StarsAmount(5, 0)),
            restriction_reason=[types.RestrictionReason("all", "terms", "Not shown here")],
        )
    )  # fmt: skip
    assert got["more"] == {"effect": str(2**60), "ttl_period": 86_400}
    assert got["suggested_post"]["price"] == {"type": "stars_amount", "amount": 5, "nanos": 0}
    assert got["restriction_reason"] == [
        {"type": "restriction_reason", "platform": "all", "reason": "terms", "text": "Not shown here"}
    ]


def test_a_field_of_a_newer_layer_is_kept_without_the_accounts_secrets():
    value = message()
    value["mood"] = {
        "_": "MoodHappy",
        "text": "glad",
        "by": plain(types.PeerChannel(CHAT)),
        "access_hash": 5,
        "file_reference": "AA==",
        "channel_id": 9,
        "sure": False,
    }
    assert mapped(value)["more"] == {
        "mood": {
            "type": "mood_happy",
            "text": "glad",
            "by": -1_000_000_000_123,
            "channel_id": -1_000_000_000_009,
        }
    }


def test_posts_name_the_group_they_are_discussed_in_and_who_commented_last():
    replies = types.MessageReplies(
        replies=0, replies_pts=1, comments=True, channel_id=500, recent_repliers=[types.PeerUser(7)], max_id=9
    )
    got = mapped(message(post=True, replies=replies), kind="channel")
    assert got["comments_chat_id"] == -1_000_000_000_500
    assert got["recent_repliers"] == [7]


def test_who_gave_the_most_stars_and_reactors_that_the_counts_do_not_have():
    star, heart = types.ReactionPaid(), types.ReactionEmoji("❤")
    reactions = types.MessageReactions(
        results=[types.ReactionCount(star, 9)],
        recent_reactions=[types.MessagePeerReaction(types.PeerUser(7), NOON, heart)],
        top_reactors=[
            types.MessageReactor(6, top=True, peer_id=types.PeerUser(8)),
            types.MessageReactor(3, anonymous=True),
        ],
    )
    got = mapped(message(reactions=reactions))
    assert got["reactions"][1] == {"emoji": "❤", "count": 1, "users": [7], "kind": "emoji"}
    assert got["top_reactors"] == [
        {"peer_id": 8, "count": 6, "more": {"top": True}},
        {"peer_id": None, "count": 3, "more": {"anonymous": True}},
    ]


def test_a_forward_keeps_who_had_sent_what_was_saved():
    header = types.MessageFwdHeader(
        date=NOON, from_name="A", saved_from_id=types.PeerUser(7), saved_from_name="B", saved_date=LATER,
        psa_type="covid",
    )  # fmt: skip
    forward = mapped(message(fwd_from=header))["forward_from"]
    assert (forward["saved_from_id"], forward["saved_from_name"]) == (7, "B")
    assert forward["saved_date"] == "2025-11-07T13:00:00Z"
    assert forward["more"] == {"psa_type": "covid"}
