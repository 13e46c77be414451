"""A username may be given up, bought, or taken by somebody else: whom it means then, and for whom."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tg_fetcher_dagster.chats.identity import ChatIdentity, UsernameMovedError
from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.chats.naming import meant_first, meant_now, merged, settle_names, without_name
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.messages.source import source_info

WHEN = dt.datetime(2025, 11, 7, tzinfo=dt.UTC)
NAME = parse_spelling("@ru_python")
FIRST, SECOND, THIRD = (-1000000000000 - number for number in (1, 2, 3))


def chat(marked_id, *usernames):
    return ChatIdentity(
        key=usernames[0].lower() if usernames else f"channel_{-marked_id - 10**12}",
        marked_id=marked_id, type="channel", title="Python", username=next(iter(usernames), None),
        usernames=usernames, added_at=WHEN,
    )  # fmt: skip


def nobody():
    return UsernameMovedError("@ru_python: no chat has this name", name="ru_python", owner=None)


@pytest.fixture
def table(ledger):
    table = IdentityTable(ledger, clock=lambda: WHEN)
    table.record(chat(FIRST, "Ru_Python"))
    return table


def test_a_name_that_moved_means_todays_owner_to_who_asks_and_the_first_chat_where_it_is_configured(table):
    new = table.record(chat(SECOND, "RU_PYTHON"))

    assert new.key == "channel_2"
    old = table.get("ru_python")
    assert old is not None
    assert (old.marked_id, old.username, old.names) == (FIRST, None, frozenset())
    assert "ru_python" not in old.aliases
    assert table.find(NAME) == new
    assert table.first_meant(NAME) == table.kept("ru_python") == old
    assert table.kept("@ru_python") == new
    assert source_info(old).url == "https://t.me/c/1"
    line = (
        "@ru_python meant channel_1 (kept as ru_python) and means channel_2 now; where it is configured it"
        " goes on with ru_python until: tg-fetcher chats confirm @ru_python"
    )
    assert table.notice("ru_python") == table.notice("channel_2") == line
    assert table.name_lines() == [line]


def test_a_person_confirms_whom_a_configured_name_means(table):
    new = table.record(chat(SECOND, "ru_python"))
    moved = table.confirm("ru_python")
    assert (moved.chat.key, moved.owner_key) == ("ru_python", "channel_2")
    assert table.first_meant(NAME) == table.find(NAME) == new
    assert table.get("ru_python") is not None
    assert table.name_lines() == []
    assert table.notice("ru_python") is None
    with pytest.raises(FetchError, match="@ru_python waits for nobody"):
        table.confirm("ru_python")


def test_a_name_that_was_given_up_is_asked_for_anew_once_and_the_outcome_is_kept(table):
    renamed = table.record(chat(FIRST, "py_russia"))
    assert table.find(NAME) is None
    assert table.first_meant(NAME) == renamed
    assert table.notice("ru_python") == (
        "@ru_python leads to ru_python no more: who asks for @ru_python next, asks Telegram whose it is"
    )

    table.record_failure(NAME, nobody(), WHEN)

    kept = table.find(NAME)
    assert kept is not None
    assert (kept.key, kept.username) == ("ru_python", "py_russia")
    assert table.first_meant(NAME) == kept
    assert table.failure(NAME) is None, "the chat is found, so there is no failure to tell"
    assert table.notice("ru_python") is None


def test_a_chat_that_is_not_found_for_another_reason_keeps_its_name(table):
    table.record_failure(NAME, FetchError(ErrorType.NOT_FOUND, "the account knows no such channel"), WHEN)
    assert table.find(NAME) is not None
    assert table.failure(NAME) is not None


def test_a_name_that_another_ask_found_elsewhere_is_kept_without_keeping_the_stranger(table):
    by_id = parse_spelling("channel_1")
    table.record_failure(by_id, UsernameMovedError("moved", name="ru_python", owner=SECOND), WHEN)
    assert table.failure(by_id) is not None
    assert [each.key for each in table.all()] == ["ru_python"]
    assert table.find(NAME) is None
    [moved] = table.moved()
    assert (moved.chat.key, moved.owner, moved.owner_key) == ("ru_python", SECOND, None)


def test_a_name_that_goes_on_to_a_third_chat_still_waits_for_the_first(table):
    table.record(chat(SECOND, "ru_python"))
    third = table.record(chat(THIRD, "ru_python"))
    assert table.find(NAME) == third
    assert table.first_meant(NAME).key == "ru_python"
    assert [(each.chat.key, each.owner) for each in table.moved()] == [("ru_python", THIRD)]


def test_a_name_that_comes_back_waits_for_nobody(table):
    table.record(chat(SECOND, "ru_python", "further"))
    back = table.record(chat(FIRST, "ru_python"))
    assert table.find(NAME) == table.first_meant(NAME) == back
    assert table.moved() == []
    assert table.get("channel_2").names == {"further"}


def test_after_a_confirmation_the_new_chat_is_the_one_that_is_meant_first(table):
    table.record(chat(SECOND, "ru_python"))
    table.confirm("ru_python")
    table.record(chat(FIRST, "ru_python"))
    assert table.find(NAME).key == "ru_python"
    assert table.first_meant(NAME).key == "channel_2"
    assert [(each.chat.key, each.owner) for each in table.moved()] == [("channel_2", FIRST)]


def test_further_and_bought_names_lead_to_a_chat_too_and_the_first_is_shown(table):
    shop = table.record(chat(SECOND, "Shop", "Bought"))
    assert shop.username == "Shop"
    for spelling in ("@bought", "t.me/BOUGHT", "shop"):
        assert table.find(parse_spelling(spelling)) == shop
    left = table.record(chat(THIRD, "bought"))
    assert left.key == "bought", "no folder has this name"
    assert table.get("shop").username == "Shop"
    assert [(each.name, each.chat.key) for each in table.moved()] == [("bought", "shop")]


def test_a_name_that_looks_like_an_ids_key_stays_a_name(ledger):
    table = IdentityTable(ledger)
    odd = table.record(chat(FIRST, "channel_2").model_copy(update={"key": "channel_1"}))
    assert table.find(parse_spelling("@channel_2")) == odd
    assert table.find(parse_spelling("channel_2")) is None


Steps = st.lists(
    st.tuples(
        st.sampled_from([FIRST, SECOND, THIRD]), st.sampled_from(["has it", "lost it", "nobody", "elsewhere"])
    ),
    max_size=12,
)


@given(Steps)
def test_whatever_happens_to_a_name_it_means_one_chat_and_configuration_keeps_its_own(steps):
    known = {"ru_python": chat(FIRST, "ru_python")}
    for number, (marked_id, what) in enumerate(steps):
        at = WHEN + dt.timedelta(minutes=number)
        known = happened(known, marked_id, what, at=at)
        holders = [each for each in known.values() if "ru_python" in each.names]
        losers = [each for each in known.values() if "ru_python" in each.lost_names]
        assert len(holders) <= 1
        assert len(losers) <= 1
        asked = meant_now(known, NAME)
        if what == "has it":
            assert [asked] == holders
            assert asked.marked_id == marked_id
        if what == "nobody":
            assert asked is not None, "a name that nobody has leads to the chat that it meant first"
        assert meant_first(known, NAME).key == "ru_python", "nobody has confirmed another one"


def happened(known, marked_id, what, *, at):
    old = next((each for each in known.values() if each.marked_id == marked_id), None)
    if what in {"has it", "lost it"}:
        kept = merged(old, chat(marked_id, *(["ru_python"] if what == "has it" else [])))
        if old is None:
            kept = kept.model_copy(update={"key": f"channel_{-marked_id - 10**12}"})
        return {**known, **{each.key: each for each in settle_names(known, kept, at=at)}}
    owner = marked_id if what == "elsewhere" else None
    had = [each for each in known.values() if "ru_python" in each.names | each.lost_names.keys()]
    losers = [each for each in had if each.marked_id != owner]
    return {
        **known,
        **{each.key: without_name(known, each, "ru_python", owner=owner, at=at) for each in losers},
    }
