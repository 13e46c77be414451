import pytest
from telethon.tl import types

from tg_fetcher_dagster_tests.messages.raw import NOON, mapped, message


def document(*attributes, mime_type="application/pdf", **flags):
    return types.MessageMediaDocument(
        document=types.Document(
            id=2**62, access_hash=1, file_reference=b"x", date=NOON, mime_type=mime_type, size=1000, dc_id=2,
            attributes=list(attributes),
        ),
        **flags,
    )  # fmt: skip


def test_a_file_is_described_and_its_id_is_a_string():
    assert mapped(message(media=document(types.DocumentAttributeFilename("a.pdf"))))["media"] == {
        "type": "document",
        "document_id": str(2**62),
        "mime_type": "application/pdf",
        "size": 1000,
        "file_name": "a.pdf",
    }


@pytest.mark.parametrize(
    ("media", "kind"),
    [
        (document(types.DocumentAttributeVideo(1.5, 640, 480)), "video"),
        (document(types.DocumentAttributeVideo(1.5, 4, 4, round_message=True)), "video_note"),
        (document(types.DocumentAttributeVideo(1.5, 4, 4), types.DocumentAttributeAnimated()), "animation"),
        (document(types.DocumentAttributeAudio(3, voice=True)), "voice"),
        (document(types.DocumentAttributeAudio(3, title="Song", performer="Band")), "audio"),
        (document(types.DocumentAttributeSticker("😀", types.InputStickerSetEmpty())), "sticker"),
        (document(types.DocumentAttributeImageSize(3, 4)), "document"),
        (document(voice=True), "voice"),
        (types.MessageMediaDocument(), "document"),
        (types.MessageMediaGeo(types.GeoPoint(1.0, 2.0, 3)), "geo"),
        (types.MessageMediaGeo(types.GeoPointEmpty()), "geo"),
        (types.MessageMediaContact("+1", "Anna", "", "", 0), "contact"),
        (types.MessageMediaDice(6, "🎲"), "dice"),
        (types.MessageMediaStory(types.PeerUser(7), 3), "story"),
        (types.MessageMediaPaidMedia(50, []), "paid_media"),
        (types.MessageMediaUnsupported(), "unsupported"),
        (types.MessageMediaInvoice("T", "D", "USD", 100, ""), "invoice"),
        (types.MessageMediaGiveaway([], 5, NOON, stars=5), "giveaway"),
        (types.MessageMediaWebPage(types.WebPageEmpty(1, url="https://a.b")), "webpage"),
        (types.MessageMediaGame(types.Game(1, 1, "g", "Chess", "d", types.PhotoEmpty(1))), "game"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_kind_of_media_has_its_name(media, kind):
    assert mapped(message(media=media))["media"]["type"] == kind


def test_a_photo_tells_its_largest_size():
    photo = types.Photo(
        id=2**62, access_hash=1, file_reference=b"x", date=NOON, dc_id=2,
        sizes=[types.PhotoSize("m", 320, 200, 10), types.PhotoSizeProgressive("x", 800, 500, [5, 50, 500])],
    )  # fmt: skip
    assert mapped(message(media=types.MessageMediaPhoto(photo=photo, spoiler=True, ttl_seconds=5)))[
        "media"
    ] == {
        "type": "photo",
        "photo_id": str(2**62),
        "width": 800,
        "height": 500,
        "size": 500,
        "spoiler": True,
        "ttl_seconds": 5,
    }


def test_media_of_a_newer_layer_keeps_its_constructors_name():
    value = message(media=types.MessageMediaUnsupported())
    value["media"] = {"_": "MessageMediaHologram", "depth": 3}
    assert mapped(value)["media"] == {"type": "MessageMediaHologram", "more": {"depth": 3}}
    value["media"] = {"_": "MessageMediaEmpty"}
    assert "media" not in mapped(value)


def poll(results):
    text = lambda words: types.TextWithEntities(words, [])  # noqa: E731
    return types.MessageMediaPoll(
        poll=types.Poll(
            id=2**60, question=text("Tabs?"), hash=0, quiz=True,
            answers=[types.PollAnswer(text("yes"), b"\x00"), types.PollAnswer(text("no"), b"\xff")],
        ),
        results=results,
    )  # fmt: skip


def test_a_poll_tells_its_results():
    results = types.PollResults(
        total_voters=3, results=[types.PollAnswerVoters(b"\xff", correct=True, voters=3)]
    )
    got = mapped(message(media=poll(results)))
    assert got["media"] == {"type": "poll"}
    assert got["poll"] == {
        "id": str(2**60),
        "question": "Tabs?",
        "answers": [
            {"text": "yes", "option": "AA==", "voters": None},
            {"text": "no", "option": "/w==", "voters": 3, "correct": True},
        ],
        "total_voters": 3,
        "quiz": True,
    }


def test_results_that_telegram_does_not_tell_are_null_and_not_zero():
    got = mapped(message(media=poll(types.PollResults())))["poll"]
    assert got["total_voters"] is None
    assert [answer["voters"] for answer in got["answers"]] == [None, None]


def test_a_poll_of_an_older_layer_has_plain_texts():
    value = message(media=poll(types.PollResults()))
    value["media"]["poll"]["question"] = "Tabs?"
    assert mapped(value)["poll"]["question"] == "Tabs?"


def test_places_people_and_prices_keep_all_that_is_said_of_them():
    point = types.GeoPoint(long=30.5, lat=59.9, access_hash=1, accuracy_radius=12)
    venue = types.MessageMediaVenue(point, "Bar", "Nevsky 1", "foursquare", "4b", "food/bar")
    assert mapped(message(media=venue))["media"] == {
        "type": "venue", "latitude": 59.9, "longitude": 30.5, "title": "Bar", "address": "Nevsky 1",
        "provider": "foursquare", "venue_id": "4b", "venue_type": "food/bar",
        "more": {"accuracy_radius": 12},
    }  # fmt: skip
    live = types.MessageMediaGeoLive(point, 900, heading=270, proximity_notification_radius=50)
    got = mapped(message(media=live))["media"]
    assert (got["period"], got["heading"]) == (900, 270)
    assert got["more"] == {"accuracy_radius": 12, "proximity_notification_radius": 50}
    contact = types.MessageMediaContact("+1", "Anna", "", "BEGIN:VCARD", 7)
    assert mapped(message(media=contact))["media"]["vcard"] == "BEGIN:VCARD"


def test_giveaways_say_what_is_given_where_and_to_whom():
    giveaway = types.MessageMediaGiveaway(
        channels=[9, 10], quantity=3, until_date=NOON, countries_iso2=["DE"], prize_description="a cat",
        months=6, winners_are_visible=True,
    )  # fmt: skip
    got = mapped(message(media=giveaway))["media"]
    assert got["description"] == "a cat"
    assert got["more"] == {
        "channels": [-1_000_000_000_009, -1_000_000_000_010], "quantity": 3, "months": 6,
        "until_date": "2025-11-07T12:00:00+00:00", "winners_are_visible": True, "countries_iso2": ["DE"],
    }  # fmt: skip
    results = types.MessageMediaGiveawayResults(9, 5, 1, 0, [7], NOON, refunded=True, stars=50)
    got = mapped(message(media=results))["media"]
    assert got["amount"] == 50
    assert got["more"]["channel_id"] == -1_000_000_000_009
    assert got["more"]["winners"] == [7]


def test_what_is_to_be_paid_for_is_told_bought_or_not():
    bought = types.MessageExtendedMedia(types.MessageMediaDice(6, "🎲"))
    preview = types.MessageExtendedMediaPreview(w=640, h=480, video_duration=9)
    got = mapped(message(media=types.MessageMediaPaidMedia(50, [bought, preview])))["media"]
    assert got == {
        "type": "paid_media",
        "amount": 50,
        "extended_media": [
            {"type": "dice", "emoji": "🎲", "value": 6},
            {"type": "preview", "width": 640, "height": 480, "duration": 9},
        ],
    }


def test_a_story_that_came_along_keeps_its_words():
    story = types.StoryItem(
        5, NOON, NOON, types.MessageMediaUnsupported(), caption="look",
        fwd_from=types.StoryFwdHeader(from_name="B"),
        media_areas=[types.MediaAreaUrl(types.MediaAreaCoordinates(1, 2, 3, 4, 5), "https://e.com/")],
    )  # fmt: skip
    got = mapped(message(media=types.MessageMediaStory(types.PeerUser(7), 5, story=story)))["media"]
    assert (got["peer_id"], got["story_id"]) == (7, 5)
    assert got["story"]["text"] == "look"
    assert got["story"]["media"] == {"type": "unsupported"}
    assert got["story"]["more"]["fwd_from"]["from_name"] == "B"
    assert got["story"]["more"]["media_areas"][0]["url"] == "https://e.com/"


def test_other_qualities_of_a_video_say_nothing_but_what_people_wrote_into_them():
    def video(number, name):
        attributes = [types.DocumentAttributeVideo(9, 640, 480), types.DocumentAttributeFilename(name)]
        return types.Document(number, 1, b"", NOON, "video/mp4", 5, 2, attributes)

    others = [video(2, "mtproto2.m3u8"), video(3, "holiday-720.mp4")]
    media = types.MessageMediaDocument(document=video(1, "holiday.mp4"), alt_documents=others, video=True)
    got = mapped(message(media=media))["media"]
    assert got["file_name"] == "holiday.mp4"
    assert got["more"] == {"alt_documents": [{"file_name": "holiday-720.mp4"}]}


def test_a_sticker_of_a_named_set_says_the_sets_name():
    stickers = types.InputStickerSetShortName("cats")
    document = types.Document(
        1, 1, b"", NOON, "image/webp", 5, 2, [types.DocumentAttributeSticker("🐈", stickers)]
    )
    got = mapped(message(media=types.MessageMediaDocument(document=document)))["media"]
    assert (got["emoji"], got["sticker_set"]) == ("🐈", "cats")
