import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon.tl import types

from tg_fetcher_dagster.messages.links import links_of, normalize_link
from tg_fetcher_dagster_tests.messages.raw import mapped, message


@pytest.mark.parametrize(
    ("link", "normal"),
    [
        ("HTTPS://Example.COM", "https://example.com/"),
        ("http://example.com:80/a?b=1", "http://example.com/a?b=1"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("https://a.b/?utm_source=x&id=7&UTM_Medium=y&fbclid=z", "https://a.b/?id=7"),
        ("https://a.b/?q=%D0%B0&empty=", "https://a.b/?q=%D0%B0&empty="),
        ("https://a.b/page#section", "https://a.b/page#section"),
        ("https://a.b/page#:~:text=word", "https://a.b/page"),
        ("https://пример.рф/Путь", "https://xn--e1afmkfd.xn--p1ai/Путь"),
        ("https://user@Example.com/", "https://user@example.com/"),
        ("https://[2001:DB8::1]:443/", "https://[2001:db8::1]/"),
        ("example.com/Path", "https://example.com/Path"),
        ("example.com:8080/x", "https://example.com:8080/x"),
        ("t.me/Ru_Python", "https://t.me/Ru_Python"),
        ("http://telegram.me/s/ru_python/12?single", "https://t.me/ru_python/12"),
        ("https://t.me/ru_python/12?comment=5", "https://t.me/ru_python/12?comment=5"),
        ("tg://resolve?domain=ru_python&post=12", "https://t.me/ru_python/12"),
        ("tg://resolve?domain=ru_python", "https://t.me/ru_python"),
        ("tg://resolve?domain=bot&start=x", "tg://resolve?domain=bot&start=x"),
        ("tg://join?invite=abc", "tg://join?invite=abc"),
        ("ftp://example.com/a", "ftp://example.com/a"),
        ("mailto:a@b.c", "mailto:a@b.c"),
    ],
)
def test_a_link_has_one_spelling(link, normal):
    assert normalize_link(link) == normal


@pytest.mark.parametrize(
    "link", ["http://[bad", "https://a.b:99999/", "https://a.b:x/", "https://é..x/", "http://"]
)
def test_a_bad_link_is_kept_as_it_is_and_loses_nothing(link):
    assert normalize_link(link) == link
    got = mapped(message(text=f"look {link} here"))
    assert got["text"] == f"look {link} here"


@given(st.text())
def test_no_text_makes_normalising_fail(text):
    assert isinstance(normalize_link(text), str)
    links_of(f"https://{text} t.me/{text}", ())


@given(
    st.from_regex(
        r"https?://[a-z]{1,8}\.[a-z]{2,5}(:\d{1,4})?(/[a-z%]{0,5})?(\?[a-z=&]{0,9})?(#\w*)?", fullmatch=True
    )
)
def test_a_normal_link_stays_as_it_is(link):
    once = normalize_link(link)
    assert normalize_link(once) == once


def test_links_without_marks_are_found_and_the_sentences_punctuation_is_left():
    text = (
        "See https://a.b/x, (https://a.b/wiki_(x)) and t.me/ru_python. Not me@t.me/x or example.com; www.c.d!"
    )
    assert links_of(text, ()) == [
        "https://a.b/x",
        "https://a.b/wiki_(x)",
        "https://t.me/ru_python",
        "https://www.c.d/",
    ]


def test_marked_links_are_cut_by_utf_16_units_and_each_stands_once():
    got = mapped(
        message(
            text="😀 example.com and here, EXAMPLE.com",
            entities=[
                types.MessageEntityUrl(3, 11),
                types.MessageEntityTextUrl(19, 4, "https://other.org?utm_campaign=x"),
                types.MessageEntityUrl(25, 11),
            ],
        )
    )
    assert got["normalized_links"] == ["https://example.com/", "https://other.org/"]
