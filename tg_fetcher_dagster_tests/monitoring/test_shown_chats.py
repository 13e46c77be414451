"""Which chats have metrics of their own: no chat ever loses what it was given, and there are not too many."""

from hypothesis import given
from hypothesis import strategies as st

from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.measures import Measure, fold, measure
from tg_fetcher_dagster.metrics.counted import MESSAGES
from tg_fetcher_dagster.monitoring.shown_chats import OTHER, ShownChats, chosen, keep_chosen, kept_chats

KEYS = st.text("abc", min_size=1, max_size=3) | st.just(OTHER)


@given(
    st.lists(KEYS.filter(lambda key: key != OTHER), unique=True),
    st.sets(KEYS),
    st.integers(0, 10),
    st.dictionaries(KEYS, st.integers(0, 100)),
)
def test_who_has_a_place_keeps_it(
    before: list[str], known: set[str], most: int, messages: dict[str, int]
) -> None:
    after = chosen(before, known, most=most, messages=messages)
    assert len(after) <= most
    assert len(set(after)) == len(after)
    assert list(after[: len(before)]) == before[:most]
    assert OTHER not in after
    assert set(after) <= {*before, *known}
    if len(after) < most:
        assert set(after) >= known - {OTHER}


def test_of_chats_that_come_at_once_the_largest_are_taken_first() -> None:
    assert chosen(("z",), {"a", "b", "c"}, most=3, messages={"b": 5, "c": 9}) == ("z", "c", "b")


def test_a_chat_without_a_place_is_one_of_the_others() -> None:
    chats = ShownChats(frozenset({"a"}))
    assert [chats.name(key) for key in ("a", "b", OTHER)] == ["a", OTHER, OTHER]


def test_a_place_is_kept_in_the_ledger_beyond_a_smaller_cap(ledger: Ledger) -> None:
    with ledger.write() as connection:
        measure(connection, [Measure(MESSAGES, (chat,), 1) for chat in ("b", "a", "c")])
    fold(ledger)
    for most, kept in ((2, ("a", "b")), (1, ("a", "b")), (3, ("a", "b", "c"))):
        keep_chosen(ledger, most=most)
        with ledger.read() as connection:
            assert kept_chats(connection) == kept
