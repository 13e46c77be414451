import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tg_fetcher_dagster.chats.ids import bare_id, channel_marked_id, group_marked_id, id_key, is_channel
from tg_fetcher_dagster.chats.spelling import KEY_PATTERN, chat_key, check_chat_key, parse_spelling
from tg_fetcher_dagster.errors import ErrorType, FetchError

USERNAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{3,31}", fullmatch=True)


@pytest.mark.parametrize(
    "spelling",
    [
        "@ru_python",
        "ru_python",
        "RU_Python",
        " https://t.me/ru_python ",
        "http://t.me/ru_python/",
        "t.me/ru_python",
        "T.me/RU_PYTHON",
        "https://t.me/s/ru_python",
        "https://t.me/ru_python/1234?single",
        "https://telegram.me/ru_python",
        "ru_python.t.me",
        "tg://resolve?domain=ru_python&post=3",
    ],
)
def test_every_way_to_write_a_username_means_the_same_chat(spelling):
    assert parse_spelling(spelling) == parse_spelling("@ru_python")
    assert parse_spelling(spelling).username == "ru_python"


@pytest.mark.parametrize(
    "spelling",
    [
        "-1001234567890",
        -1001234567890,
        "channel_1234567890",
        "https://t.me/c/1234567890/55",
        -1.00123456789e12,
        "-1.00123456789e12",
        "-1.00123456789E+12",
        "-1001234567890.00",
    ],
)
def test_every_way_to_write_a_channel_id_means_the_same_chat(spelling):
    assert parse_spelling(spelling).marked_id == -1001234567890
    assert parse_spelling(spelling).canonical == "channel_1234567890"


def test_a_bare_positive_number_is_a_channel_else_a_user():
    assert parse_spelling(1234567890) == parse_spelling("1234567890")
    assert parse_spelling(1234567890).marked_ids == (-1001234567890, 1234567890)
    assert parse_spelling(1234567890).likely_key == "channel_1234567890"


def test_basic_groups_and_users_have_spellings_too():
    assert parse_spelling("-4321").marked_id == parse_spelling("chat_4321").marked_id == -4321
    assert parse_spelling("user_77").marked_id == 77


def test_a_username_that_looks_like_an_id_is_never_taken_for_one():
    named = parse_spelling("@channel_1234567890")
    assert named.username == "channel_1234567890"
    assert named != parse_spelling("channel_1234567890")
    assert chat_key(username="channel_1234567890", marked_id=-1000000000009) == "channel_9"


@pytest.mark.parametrize(
    "wrong",
    ["", "  ", "@", "a b", "ab", "1abc", "../etc", "x|y", "@имя", "https://t.me/", "https://t.me/+AbCd",
     0, True,
     "https://t.me/joinchat/AbCd", "https://example.org/ru_python", "9" * 19, "-1000000000000", "channel_0",
     None, 1.5, "1.5", -1.00151e12, "-1.00151e12", "1e300", 1e300, float("nan"), float("inf"), "-1e12",
     "1.0015140353961e-3", ["ru_python"], "ru_python\n@other", "x" * 5000, "\x00abcd"],
)  # fmt: skip
def test_what_is_no_chat_is_refused_in_one_line(wrong):
    with pytest.raises(FetchError) as caught:
        parse_spelling(wrong)
    assert caught.value.error_type is ErrorType.VALIDATION
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@given(USERNAMES)
def test_a_canonical_spelling_parses_to_itself(name):
    once = parse_spelling(f"@{name}")
    assert parse_spelling(once.canonical) == once


@given(st.integers(-(10**12) - 10**11, 2**52).filter(lambda n: n not in {0, -(10**12)}))
def test_ids_survive_spelling_and_keys(number):
    spelling = parse_spelling(number)
    assert parse_spelling(spelling.canonical) == spelling
    for marked in spelling.marked_ids:
        assert check_chat_key(id_key(marked)) == id_key(marked)
        assert parse_spelling(id_key(marked)).marked_id == marked


@given(st.integers(-(2 * 10**12), 2 * 10**12).filter(lambda n: n % 10_000 and n != -(10**12)))
def test_an_id_survives_lua(number):
    assert parse_spelling(f"{number:.14g}") == parse_spelling(float(number)) == parse_spelling(number)


@given(st.integers(1, 999_999_999_999))
def test_marks_are_told_apart(number):
    assert is_channel(channel_marked_id(number))
    assert not is_channel(group_marked_id(number))
    assert bare_id(channel_marked_id(number)) == bare_id(group_marked_id(number)) == bare_id(number) == number


@given(
    st.none() | st.text(max_size=70),
    st.integers(-(2 * 10**12), 10**12).filter(lambda n: n not in {0, -(10**12)}),
)
def test_a_key_is_always_safe(username, marked_id):
    key = chat_key(username=username, marked_id=marked_id)
    assert re.fullmatch(KEY_PATTERN, key)
    assert check_chat_key(key) == key


@pytest.mark.parametrize("unsafe", ["", "..", "a/b", "a|b", "A", "1a", "a" * 65, "a\n", "a.b"])
def test_an_unsafe_key_is_refused(unsafe):
    with pytest.raises(FetchError, match="not safe"):
        check_chat_key(unsafe)


@given(st.text(max_size=100))
def test_any_text_is_a_chat_or_is_refused(text):
    try:
        spelling = parse_spelling(text)
    except FetchError as error:
        assert error.error_type is ErrorType.VALIDATION  # noqa: PT017 - both ends are allowed
    else:
        assert parse_spelling(spelling.canonical) == spelling
