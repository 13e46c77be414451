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
