"""Raw records: plain JSON, whatever the texts hold."""

import base64
from datetime import UTC, datetime

import orjson
from telethon.tl import types

from tg_fetcher_dagster.telegram.records import LAYER, raw_line, record_of

NOON = datetime(2025, 11, 7, 12, tzinfo=UTC)


def message(text: str = "hello", **fields: object) -> types.Message:
    return types.Message(id=7, peer_id=types.PeerChannel(5), date=NOON, message=text, **fields)


def test_a_message_becomes_names_and_fields_with_plain_dates() -> None:
    record = record_of(message(from_id=types.PeerUser(3)))

    assert (record.id, record.date) == (7, NOON)
    assert record.value["_"] == "Message"
    assert record.value["date"] == "2025-11-07T12:00:00+00:00"
    assert record.value["from_id"] == {"_": "PeerUser", "user_id": 3}
    assert orjson.loads(record.line) == record.value
    assert b"\n" not in record.line


def test_bytes_become_base64() -> None:
    photo = types.UserProfilePhoto(photo_id=1, dc_id=2, stripped_thumb=b"\x00\xff")

    record = record_of(types.User(id=9, first_name="A", photo=photo))

    assert base64.b64decode(record.value["photo"]["stripped_thumb"]) == b"\x00\xff"
    assert record.date is None


def test_a_channel_has_no_date_of_a_message() -> None:
    channel = types.Channel(id=5, title="T", photo=types.ChatPhotoEmpty(), date=NOON)

    assert record_of(channel).date is None


def test_nul_bytes_and_lone_surrogates_do_not_lose_the_message() -> None:
    record = record_of(message("a\x00b \ud83d c \ude00 \U0001f600"))

    assert record.value["message"] == "a\x00b \ufffd c \ufffd \U0001f600"


def test_a_pair_of_surrogates_becomes_its_character() -> None:
    assert orjson.loads(raw_line({"text": "\ud83d\ude00 \ud83d"}))["text"] == "\U0001f600 \ufffd"


def test_numbers_beyond_64_bits_become_texts() -> None:
    assert orjson.loads(raw_line({"n": 2**70, "m": 2**63, "k": [-(2**63)]})) == {
        "n": str(2**70),
        "m": 2**63,
        "k": [-(2**63)],
    }


def test_an_unknown_service_action_keeps_its_name() -> None:
    service = types.MessageService(
        id=8, peer_id=types.PeerChannel(5), date=NOON, action=types.MessageActionPinMessage()
    )

    assert record_of(service).value["action"]["_"] == "MessageActionPinMessage"


def test_the_layer_is_told() -> None:
    assert LAYER >= 229
