import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon.tl import types

from tg_fetcher_dagster.messages.classify import classify
from tg_fetcher_dagster.messages.language import detect_language
from tg_fetcher_dagster.messages.letters import count_letters
from tg_fetcher_dagster.messages.tokens import estimate_tokens
from tg_fetcher_dagster_tests.messages.raw import assembly, mapped, message, plain


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Привет, как дела?", "ru"),
        ("Поставил docker compose и systemd unit на сервер", "ru"),
        ("да", "ru"),
        ("Смотри https://example.com/very/long/english/path/with/words", "ru"),
        ("Hello there, how are you", "en"),
        ("ok", "en"),
        ("docker compose up failed", "en"),
        ("I met François in a café yesterday and we talked", "en"),
        ("Привіт, як справи?", "other"),
        ("що це таке", "other"),
        ("Сәлем, қалайсың", "other"),
        ("Това е много хубаво, благодаря", "other"),
        ("Guten Morgen, das ist nicht gut", "other"),
        ("¿Qué hora es?", "other"),
        ("hola gracias", "other"),
        ("你好", "other"),
        ("مرحبا", "other"),
        ("12345 !!! 👍", "other"),
        ("https://example.com", "other"),
        ("@ru_python", "other"),
    ],
)
def test_the_language_of_chat_texts(text, language):
    assert detect_language(text, count_letters(text)) == language


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Как установить питон?", "question"),
        ("Какая версия? У меня не работает", "question"),
        ("Подскажите хороший редактор", "question"),
        ("does anyone use this in production", "question"),
        ("Really?!", "question"),
        ("Look at https://a.b/?x=1", "other"),
        ("Доброе утро", "other"),
        ('Traceback (most recent call last):\n  File "a.py", line 1', "log"),
        ("2025-11-07 12:00:01,123 ERROR worker failed?", "log"),
        ("INFO: Application startup complete", "log"),
        ("```\nx\n```", "code"),
        ("def f(x):\n    return x", "code"),
        ("import os\nos.remove('x')", "code"),
        ("Заработок без вложений! Пиши в лс", "spam"),
        ("Easy money, 500$ a day, join now", "spam"),
        ("Вчера открыли казино в городе", "other"),
        ("", "other"),
        (None, "other"),
    ],
)
def test_the_type_of_chat_texts(text, kind):
    assert classify(text, (), service=False, reply=False) == kind


def test_text_marked_as_code_is_code_and_a_word_of_it_is_not():
    assert (
        mapped(message(text="print", entities=[types.MessageEntityPre(0, 5, "")]))["message_type"] == "code"
    )
    marked = [types.MessageEntityCode(0, 5)]
    assert mapped(message(text="print is a function that I like", entities=marked))["message_type"] == "other"


def test_a_reply_of_some_words_is_an_answer_unless_it_asks():
    reply = types.MessageReplyHeader(reply_to_msg_id=3)
    assert mapped(message(9, "use a virtual environment", reply_to=reply))["message_type"] == "answer"
    assert mapped(message(9, "and which version?", reply_to=reply))["message_type"] == "question"
    assert mapped(message(9, "thanks!", reply_to=reply))["message_type"] == "other"


def test_a_long_text_asks_only_at_its_end():
    story = "Зачем всё это? " + "Расскажу подробно. " * 30
    assert classify(story, (), service=False, reply=False) == "other"
    assert classify(story + "А у вас как?", (), service=False, reply=False) == "question"


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("a", 1),
        ("a" * 400, 100),
        ("ы" * 100, 40),
        ("😀", 1),
        ("你好", 2),
        ("Привет, мир", 5),
        ("ї" * 10, 4),
        ("Є", 1),
    ],
)
def test_the_token_estimate_follows_its_formula(text, tokens):
    assert estimate_tokens(count_letters(text)) == tokens


@given(st.text())
def test_every_character_is_counted_once(text):
    letters = count_letters(text)
    assert letters.ascii + letters.cyrillic + letters.rest == len(text)
    assert (estimate_tokens(letters) == 0) == (not text)
    assert detect_language(text, letters) in {"ru", "en", "other"}
    classify(text, (), service=False, reply=True)


def test_what_is_turned_off_says_nothing():
    from dataclasses import replace

    from tg_fetcher_dagster_tests.messages.raw import OPTIONS

    off = replace(OPTIONS, links=False, tokens=False, classify=False, language=False)
    got = mapped(message(text="Где https://a.b ?"), options=off)
    assert (got["normalized_links"], got["token_count"]) == ([], 0)
    assert (got["message_type"], got["lang"]) == ("other", "other")
    service = plain(
        types.MessageService(id=1, peer_id=types.PeerChannel(123), action=types.MessageActionPinMessage())
    )
    assert mapped(service, options=off)["message_type"] == "service"


def test_short_messages_are_never_merged():
    day = assembly()
    for message_id in (3, 2, 1):
        day.add_message(message(message_id, "да", from_id=types.PeerUser(7)))
    assert day.statistics().message_count == 3
    assert day.threads().roots == [1, 2, 3]
