import datetime as dt
import json
import multiprocessing
from contextlib import contextmanager

import pytest
import structlog
from sqlalchemy import event

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.identity_rows import IdentityRows
from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.chats.ids import id_key
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger import days
from tg_fetcher_dagster.ledger.arrivals import put_chats
from tg_fetcher_dagster.ledger.chats import put_chat
from tg_fetcher_dagster.ledger.database import Ledger

WHEN = dt.datetime(2025, 11, 7, tzinfo=dt.UTC)


def seen(**values):
    given = {"key": "ru_python", "marked_id": -1001234567890, "type": "supergroup", "title": "Python"}
    return ChatIdentity(**{**given, "username": "Ru_Python", "added_at": WHEN, **values})


@pytest.mark.parametrize(
    "spelling", ["@ru_python", "t.me/RU_python", "-1001234567890", 1234567890, "channel_1234567890"]
)
def test_a_recorded_chat_is_found_by_every_spelling(ledger, spelling):
    IdentityTable(ledger).record(seen())
    found = IdentityTable(ledger).find(parse_spelling(spelling))
    assert found is not None
    assert found.key == "ru_python"


def test_an_unknown_spelling_is_not_found(ledger):
    table = IdentityTable(ledger)
    assert table.find(parse_spelling("@nobody")) is None
    assert table.all() == []
    assert table.get("nobody") is None


def test_a_rename_keeps_the_key_and_what_the_sight_does_not_tell(ledger):
    table = IdentityTable(ledger)
    table.record(seen(access_hashes={"1": 1}, account="main", first_message_date=dt.date(2020, 1, 1)))
    renamed = table.record(
        seen(key="py_russia", username="Py_Russia", title="New", access_hashes={"2": 2}, account="second")
    )
    assert (renamed.key, renamed.username, renamed.title) == ("ru_python", "Py_Russia", "New")
    assert renamed.access_hashes == {"1": 1, "2": 2}
    assert renamed.account == "main"
    assert renamed.first_message_date == dt.date(2020, 1, 1)
    assert table.find(parse_spelling("@py_russia")) == renamed


def test_once_the_old_chat_is_removed_its_name_may_mean_the_new_one(ledger):
    table = IdentityTable(ledger)
    table.record(seen())
    assert table.remove("ru_python")
    assert table.record(seen(marked_id=-1000000000099)).key == "ru_python"
    assert not table.remove("nobody")


def test_a_forgotten_chat_keeps_its_key_and_its_days(ledger):
    table = IdentityTable(ledger)
    table.record(seen())
    with ledger.write() as connection:
        days.put(connection, "ru_python", WHEN.date(), {"message_count": 1})
    table.remove("ru_python")
    stranger = table.record(seen(marked_id=-1000000000099))
    assert stranger.key == "channel_99", "its days must not fall into the other chat's folder"
    again = table.record(seen(username="py_russia", key="py_russia"))
    assert (again.key, again.username) == ("ru_python", "py_russia")


def test_chats_without_usernames_live_beside_each_other(ledger):
    table = IdentityTable(ledger)
    for number in (3, 1, 2):
        table.record(
            seen(key=f"channel_{number}", marked_id=-1000000000000 - number, username=None, type="channel")
        )
    assert [chat.key for chat in table.all()] == ["channel_1", "channel_2", "channel_3"]


def test_pausing_is_kept_over_later_sights(ledger):
    table = IdentityTable(ledger)
    table.record(seen())
    assert table.set_paused("ru_python", paused=True).paused
    assert table.record(seen()).paused
    assert not table.set_paused("ru_python", paused=False).paused
    with pytest.raises(FetchError, match="no chat 'nobody'"):
        table.set_paused("nobody", paused=True)


def test_a_failed_resolve_is_kept_until_the_chat_is_found(ledger):
    table = IdentityTable(ledger)
    spelling = parse_spelling("@ru_python")
    assert table.failure(spelling) is None
    table.record_failure(spelling, FetchError(ErrorType.RATE_LIMIT, "wait", retry_after=60), WHEN)
    failure = table.failure(parse_spelling("t.me/ru_python"))
    assert failure is not None
    assert (failure.error_type, failure.error, failure.at, failure.retry_after) == (
        "rate_limit",
        "wait",
        WHEN,
        60,
    )
    table.record(seen())
    assert table.failure(spelling) is None


def test_a_table_sees_what_another_process_has_written(ledger):
    ours, theirs = IdentityTable(ledger), IdentityTable(ledger)
    theirs.record(seen())
    assert ours.find(parse_spelling("@ru_python")) is not None
    theirs.record(seen(title="Changed at once"))
    found = ours.get("ru_python")
    assert found is not None
    assert found.title == "Changed at once"


def test_chats_that_are_taken_over_are_seen_by_a_table_that_was_read_before(ledger):
    table = IdentityTable(ledger)
    assert table.all() == []
    row = {"key": "ru_python", "marked_id": -1001234567890, "identity": seen().model_dump_json()}
    with ledger.write() as connection:
        put_chats(connection, [{**row, "paused": False, "forgotten_at": None}])
    assert table.all() == [seen()]


@pytest.mark.parametrize(
    "broken", ["{", "[]", '{"key": "ru_python"}', None], ids=["cut", "a list", "halved", "another chat's"]
)
def test_a_damaged_row_spoils_its_own_chat_alone_and_its_next_sight_makes_it_whole(ledger, broken):
    table = IdentityTable(ledger)
    table.record(seen())
    other = table.record(seen(key="other", marked_id=-1000000000099, username="other"))
    table.set_paused("ru_python", paused=True)
    damage(ledger, "ru_python", broken or other.model_dump_json())

    assert table.all() == [other]
    [line] = table.known().damage_lines()
    assert line.startswith("chat ru_python: its row in the ledger is damaged (")
    assert "\n" not in line
    assert table.find(parse_spelling("@ru_python")) is None
    stranger = table.record(seen(marked_id=-1000000000077))
    assert stranger.key == "channel_77", "the key stays the damaged chat's"
    whole = table.record(seen(username="py_russia", key="py_russia"))
    assert (whole.key, whole.paused) == ("ru_python", True)
    assert table.known().damage_lines() == []


def damage(ledger, key, identity):
    with ledger.write() as connection:
        put_chat(connection, key, marked_id=-1001234567890, identity=identity, paused=True)


def test_damage_is_logged_once_and_a_damaged_chat_can_be_forgotten(ledger):
    IdentityTable(ledger).record(seen(key="odd_row", username="odd_row"))
    damage(ledger, "odd_row", '{"cut')
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            IdentityTable(ledger).all()
    assert [each["event"] for each in logs] == ["a chat's row is damaged"]
    assert IdentityTable(ledger).remove("odd_row")
    assert IdentityTable(ledger).known().damage_lines() == []


@pytest.mark.parametrize("into", [{}, {"migrated_from_chat_id": 501}])
def test_a_group_whose_supergroups_row_is_damaged_goes_on_beside_it(ledger, into):
    table = IdentityTable(ledger)
    table.record(seen(key="new_home", marked_id=SUPERGROUP, username="new_home"))
    table.record(numbered(GROUP))
    with ledger.write() as connection:
        put_chat(connection, "new_home", marked_id=SUPERGROUP, identity="{", paused=False)
    assert table.migrated("chat_501", into=seen(marked_id=SUPERGROUP)).migrated_to_id == SUPERGROUP
    assert table.record(seen(marked_id=SUPERGROUP, username="new_home", **into)).key == "new_home"
    assert [chat.key for chat in table.all()] == ["chat_501", "new_home"]


def test_a_database_that_refuses_is_one_line(ledger):
    table = IdentityTable(ledger)
    with ledger.write() as connection:
        connection.exec_driver_sql("DROP TABLE chats")
    for doing in (table.all, lambda: table.record(seen())):
        with pytest.raises(FetchError, match=r"the ledger .*chats") as caught:
            doing()
        assert caught.value.error_type is ErrorType.STORAGE


def test_a_change_that_fails_half_way_changes_nothing(ledger):
    rows = IdentityRows(ledger, lambda: WHEN)
    with rows.changing() as writing:
        writing.write(seen())
    with pytest.raises(FetchError, match="no chat 'nobody'"), rows.changing() as writing:
        assert writing.write(seen(title="Changed")) is writing.of_key("nobody")
    assert rows.read().all() == IdentityTable(ledger).all() == [seen()]


def test_asking_again_for_what_has_not_changed_is_one_query(ledger):
    table = IdentityTable(ledger)
    table.record(seen())
    table.all()
    with statements(ledger) as said:
        for _ in range(3):
            assert table.find(parse_spelling("@ru_python")) is not None
    assert len([each for each in said if "FROM facts" in each]) == len(said) == 3


@contextmanager
def statements(ledger):
    said = []

    def note(_connection, _cursor, statement, *_):
        if not statement.startswith("BEGIN"):
            said.append(statement)

    event.listen(ledger.engine, "before_cursor_execute", note)
    yield said
    event.remove(ledger.engine, "before_cursor_execute", note)


def _record_with(url, account):
    with Ledger.open(url) as ledger:
        IdentityTable(ledger).record(seen(access_hashes={account: 1}))


def test_writers_at_the_same_time_lose_nothing(ledger, ledger_url):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_record_with, args=(ledger_url, f"account{n}")) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = IdentityTable(ledger).get("ru_python")
    assert found is not None
    assert sorted(found.access_hashes) == ["account0", "account1", "account2"]


def test_an_identity_of_before_is_read_and_its_aliases_count_as_its_names(ledger):
    old = {
        "key": "ru_python", "marked_id": -1001234567890, "type": "supergroup", "title": "Python",
        "username": "Ru_Python", "aliases": ["-1001234567890", "channel_1234567890", "py_chat", "ru_python"],
        "access_hashes": {"main": 7}, "account": "main", "added_at": "2025-11-07T00:00:00Z",
    }  # fmt: skip
    damage(ledger, "ru_python", json.dumps(old))
    table = IdentityTable(ledger)
    known = table.get("ru_python")
    assert known is not None
    assert known.paused, "the column says it"
    assert known.access_hashes == {"main": 7}
    for spelling in ("@py_chat", "RU_Python", "-1001234567890"):
        assert table.find(parse_spelling(spelling)) == known
    kept = table.record(seen(usernames=("Ru_Python",)))
    assert table.find(parse_spelling("@py_chat")) is None, "a sight says what its names are"
    assert kept.names == {"ru_python"}


def numbered(marked_id, **values):
    kind = "chat" if marked_id > 0 else "group" if marked_id > -(10**12) else "channel"
    return seen(key=id_key(marked_id), marked_id=marked_id, type=kind, username=None, **values)


def test_a_group_a_channel_and_a_user_may_share_a_number(ledger):
    table = IdentityTable(ledger)
    lost = FetchError(ErrorType.NOT_FOUND, "not among the dialogs")
    table.record_failure(parse_spelling(77), lost, WHEN)
    table.record(numbered(-77))
    assert table.find(parse_spelling(77)) is None, "a bare number is no basic group"
    assert table.failure(parse_spelling(77)) is not None
    table.record(numbered(77))
    assert table.find(parse_spelling(77)) is None, "nobody has asked yet whether there is such a channel"
    assert table.failure(parse_spelling(77)) is not None
    table.record(numbered(77, aliases=("77",)))
    assert table.find(parse_spelling(77)).key == "user_77"
    assert table.failure(parse_spelling(77)) is None
    table.record(numbered(-(10**12) - 77))
    assert table.find(parse_spelling(77)).key == "channel_77"
    found = {name: table.find(parse_spelling(name)).marked_id for name in ("chat_77", "-77", "user_77")}
    assert found == {"chat_77": -77, "-77": -77, "user_77": 77}


def test_what_has_not_changed_is_not_written(ledger):
    table = IdentityTable(ledger)
    known = table.record(seen())
    with statements(ledger) as said:
        assert table.follow(known) == known
        assert not [each for each in said if not each.startswith("SELECT")]
        assert table.record(seen()) == known
        assert not [each for each in said if "INTO chats" in each]
        table.follow(known.model_copy(update={"title": "New"}))
        assert [each for each in said if "INTO chats" in each]


def test_a_page_tells_that_a_linked_group_is_gone_and_revives_no_forgotten_chat(ledger):
    table = IdentityTable(ledger)
    known = table.record(seen(linked_chat_id=5))
    assert table.record(seen()).linked_chat_id == 5
    assert table.follow(known.model_copy(update={"linked_chat_id": None})).linked_chat_id is None
    table.set_paused("ru_python", paused=True)
    assert table.follow(known).paused
    table.remove("ru_python")
    table.follow(known.model_copy(update={"title": "New"}))
    assert table.all() == []


GROUP, SUPERGROUP = -501, -1000000009001


def test_a_migrated_group_goes_on_under_its_key_and_both_ids_mean_it(ledger):
    table = IdentityTable(ledger)
    table.record(numbered(GROUP, reader_user_id=7, first_message_date=dt.date(2024, 1, 1)))
    into = seen(marked_id=SUPERGROUP, username=None, access_hashes={"7": 70}, type="supergroup")

    moved = table.migrated("chat_501", into=into)

    assert (moved.key, moved.marked_id, moved.type) == ("chat_501", SUPERGROUP, "supergroup")
    assert (moved.migrated_from_chat_id, moved.access_hashes, moved.reader_user_id) == (501, {"7": 70}, 7)
    assert moved.first_message_date == dt.date(2024, 1, 1)
    for spelling in ("-501", "chat_501", "-1000000009001", "channel_9001", "9001"):
        assert table.find(parse_spelling(spelling)) == moved
    assert table.migrated("chat_501", into=into) == moved
    first = dt.date(2025, 1, 1)
    named = table.record(seen(marked_id=SUPERGROUP, username="new_home", first_message_date=first))
    assert (named.key, named.first_message_date) == ("chat_501", dt.date(2024, 1, 1))
    assert table.record(numbered(GROUP)) == named, "a late sight of the old group changes nothing"
    with pytest.raises(FetchError, match="no chat 'nobody'"):
        table.migrated("nobody", into=into)


def test_a_supergroup_that_was_a_known_group_goes_on_as_that_one(ledger):
    table = IdentityTable(ledger)
    table.record(numbered(GROUP))
    named = table.record(seen(marked_id=SUPERGROUP, username="new_home", migrated_from_chat_id=501))
    assert (named.key, named.marked_id) == ("chat_501", SUPERGROUP)
    assert [chat.key for chat in table.all()] == ["chat_501"]
    assert table.find(parse_spelling("@new_home")) == table.find(parse_spelling(GROUP)) == named


def test_a_group_whose_supergroup_has_a_key_of_its_own_says_where_it_went(ledger):
    table = IdentityTable(ledger)
    home = table.record(seen(key="new_home", marked_id=SUPERGROUP, username="new_home"))
    table.record(numbered(GROUP))

    stays = table.migrated("chat_501", into=home)

    assert (stays.key, stays.marked_id, stays.migrated_to_id) == ("chat_501", GROUP, SUPERGROUP)
    assert table.find(parse_spelling(GROUP)) == stays
    assert table.get("new_home").migrated_from_chat_id == 501
    assert table.migrated("chat_501", into=home) == stays
    assert table.record(numbered(GROUP)).migrated_to_id == SUPERGROUP


def test_a_past_that_is_found_out_later_is_told_by_the_group_too(ledger):
    table = IdentityTable(ledger)
    table.record(seen(key="new_home", marked_id=SUPERGROUP, username="new_home"))
    table.record(numbered(GROUP))
    table.record(seen(marked_id=SUPERGROUP, username="new_home", migrated_from_chat_id=501))
    assert table.get("chat_501").migrated_to_id == SUPERGROUP
