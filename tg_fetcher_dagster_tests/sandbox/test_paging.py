"""getHistory's rule against a naive restatement of it (https://core.telegram.org/api/offsets)."""

from array import array

from hypothesis import given
from hypothesis import strategies as st

from tg_fetcher_sandbox.history import MOST_A_PAGE, Window, cut


@st.composite
def chats(draw):
    ids = sorted(draw(st.sets(st.integers(1, 60), max_size=30)))
    dates = sorted(draw(st.lists(st.integers(1, 20), min_size=len(ids), max_size=len(ids))))
    return ids, dates


windows = st.builds(
    Window,
    offset_id=st.integers(0, 62),
    offset_date=st.integers(0, 22),
    add_offset=st.integers(-12, 12),
    limit=st.integers(0, 15),
    max_id=st.integers(0, 62),
    min_id=st.integers(0, 62),
)


def naive(ids, dates, window):
    newest_first = list(zip(ids, dates, strict=True))[::-1]
    if window.offset_id:
        position = sum(number >= window.offset_id for number, _ in newest_first)
    elif window.offset_date:
        position = sum(date >= window.offset_date for _, date in newest_first)
    else:
        position = 0
    wanted = range(position + window.add_offset, position + window.add_offset + window.limit)
    page = [number for place, (number, _) in enumerate(newest_first) if place in wanted]
    if window.max_id:
        page = [number for number in page if number < window.max_id]
    return [number for number in page if number > window.min_id]


@given(chats(), windows)
def test_a_page_is_what_telegrams_rule_says(chat, window):
    ids, dates = chat
    page = cut(array("i", ids), array("i", dates), window)
    found = [ids[place] for place in page.places]
    assert found == naive(ids, dates, window)
    assert page.count == len(ids)
    if found:
        assert ids[::-1][page.offset] == found[0]


def test_a_page_holds_at_most_a_hundred():
    ids = array("i", range(1, 500))
    page = cut(ids, ids, Window(limit=1000))
    assert len(page.places) == MOST_A_PAGE
    assert ids[page.places[0]] == 499


def test_nothing_is_filled_up_past_the_newest():
    ids = array("i", range(1, 11))
    page = cut(ids, ids, Window(offset_id=9, add_offset=-5, limit=5))
    assert [ids[place] for place in page.places] == [10, 9]


def test_a_date_is_an_exclusive_anchor():
    ids, dates = array("i", [1, 2, 3, 4]), array("i", [10, 20, 20, 30])
    page = cut(ids, dates, Window(offset_date=20))
    assert [ids[place] for place in page.places] == [1]
