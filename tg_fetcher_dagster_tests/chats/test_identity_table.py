import datetime as dt
import json
import multiprocessing

import pytest

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.chats.spelling import id_key, parse_spelling
from tg_fetcher_dagster.errors import ErrorType, FetchError

WHEN = dt.datetime(2025, 11, 7, tzinfo=dt.UTC)


def seen(**values):
    given = {"key": "ru_python", "marked_id": -1001234567890, "type": "supergroup", "title": "Python"}
    return ChatIdentity(**{**given, "username": "Ru_Python", "added_at": WHEN, **values})


@pytest.mark.parametrize(
    "spelling", ["@ru_python", "t.me/RU_python", "-1001234567890", 1234567890, "channel_1234567890"]
)
def test_a_recorded_chat_is_found_by_every_spelling(tmp_path, spelling):
    IdentityTable(tmp_path).record(seen())
    found = IdentityTable(tmp_path).find(parse_spelling(spelling))
    assert found is not None
    assert found.key == "ru_python"


def test_an_unknown_spelling_is_not_found(tmp_path):
    table = IdentityTable(tmp_path)
    assert table.find(parse_spelling("@nobody")) is None
    assert table.all() == []
    assert table.get("nobody") is None


def test_a_rename_keeps_the_key_and_what_the_sight_does_not_tell(tmp_path):
    table = IdentityTable(tmp_path)
    table.record(seen(access_hashes={"1": 1}, account="main", first_message_date=dt.date(2020, 1, 1)))
    renamed = table.record(
        seen(key="py_russia", username="Py_Russia", title="New", access_hashes={"2": 2}, account="second")
    )
    assert (renamed.key, renamed.username, renamed.title) == ("ru_python", "Py_Russia", "New")
    assert renamed.access_hashes == {"1": 1, "2": 2}
    assert renamed.account == "main"
    assert renamed.first_message_date == dt.date(2020, 1, 1)
    assert table.find(parse_spelling("@py_russia")) == renamed


def test_once_the_old_chat_is_removed_its_name_may_mean_the_new_one(tmp_path):
    table = IdentityTable(tmp_path)
    table.record(seen())
    assert table.remove("ru_python")
    assert table.record(seen(marked_id=-1000000000099)).key == "ru_python"
    (tmp_path / "outside.json").write_text("{}")
    assert not table.remove("../outside")
    assert (tmp_path / "outside.json").exists()


def test_a_forgotten_chat_keeps_its_key_and_its_folder(tmp_path):
    table = IdentityTable(tmp_path)
    table.record(seen())
    (tmp_path / "ru_python").mkdir()
    table.remove("ru_python")
    stranger = table.record(seen(marked_id=-1000000000099))
    assert stranger.key == "channel_99", "its days must not fall into the other chat's folder"
    again = table.record(seen(username="py_russia", key="py_russia"))
    assert (again.key, again.username) == ("ru_python", "py_russia")


def test_chats_without_usernames_live_beside_each_other(tmp_path):
    table = IdentityTable(tmp_path)
    for number in (3, 1, 2):
        table.record(
            seen(key=f"channel_{number}", marked_id=-1000000000000 - number, username=None, type="channel")
        )
    assert [chat.key for chat in table.all()] == ["channel_1", "channel_2", "channel_3"]


def test_pausing_is_kept_over_later_sights(tmp_path):
    table = IdentityTable(tmp_path)
    table.record(seen())
    assert table.set_paused("ru_python", paused=True).paused
    assert table.record(seen()).paused
    assert not table.set_paused("ru_python", paused=False).paused
    with pytest.raises(FetchError, match="no chat 'nobody'"):
        table.set_paused("nobody", paused=True)


def test_a_failed_resolve_is_kept_until_the_chat_is_found(tmp_path):
    table = IdentityTable(tmp_path)
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


def test_a_table_sees_what_another_process_has_written(tmp_path):
    ours, theirs = IdentityTable(tmp_path), IdentityTable(tmp_path)
    theirs.record(seen())
    assert ours.find(parse_spelling("@ru_python")) is not None
    theirs.record(seen(title="Changed at once"))
    found = ours.get("ru_python")
    assert found is not None
    assert found.title == "Changed at once"


def test_a_broken_file_is_named(tmp_path):
    table = IdentityTable(tmp_path)
    table.record(seen())
    (tmp_path / ".chats" / "ru_python.json").write_text("{")
    with pytest.raises(FetchError, match=r"ru_python\.json is no chat's identity"):
        IdentityTable(tmp_path).all()


def test_a_disk_that_refuses_is_one_line(tmp_path):
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(FetchError, match="cannot be written") as caught:
        IdentityTable(tmp_path / "data").record(seen())
    assert caught.value.error_type is ErrorType.STORAGE


def _record_with(data_dir, account):
    IdentityTable(data_dir).record(seen(access_hashes={account: 1}))


def test_writers_at_the_same_time_lose_nothing(tmp_path):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_record_with, args=(tmp_path, f"account{n}")) for n in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = IdentityTable(tmp_path).get("ru_python")
    assert found is not None
    assert sorted(found.access_hashes) == ["account0", "account1", "account2"]


def test_a_table_of_before_is_read_and_its_aliases_count_as_its_names(tmp_path):
    (tmp_path / ".chats").mkdir()
    old = {
        "key": "ru_python", "marked_id": -1001234567890, "type": "supergroup", "title": "Python",
        "username": "Ru_Python", "aliases": ["-1001234567890", "channel_1234567890", "py_chat", "ru_python"],
        "access_hashes": {"main": 7}, "account": "main", "added_at": "2025-11-07T00:00:00Z",
    }  # fmt: skip
    (tmp_path / ".chats" / "ru_python.json").write_text(json.dumps(old))
    table = IdentityTable(tmp_path)
    known = table.get("ru_python")
    assert known is not None
    assert known.access_hashes == {"main": 7}
    for spelling in ("@py_chat", "RU_Python", "-1001234567890"):
        assert table.find(parse_spelling(spelling)) == known
    kept = table.record(seen(usernames=("Ru_Python",)))
    assert table.find(parse_spelling("@py_chat")) is None, "a sight says what its names are"
    assert kept.names == {"ru_python"}


def numbered(marked_id, **values):
    kind = "chat" if marked_id > 0 else "group" if marked_id > -(10**12) else "channel"
    return seen(key=id_key(marked_id), marked_id=marked_id, type=kind, username=None, **values)


def test_a_group_a_channel_and_a_user_may_share_a_number(tmp_path):
    table = IdentityTable(tmp_path)
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


def test_what_has_not_changed_is_not_written(tmp_path):
    table = IdentityTable(tmp_path)
    known = table.record(seen())
    path = tmp_path / ".chats" / "ru_python.json"
    before = path.stat().st_ino
    assert table.record(seen()) == table.follow(known) == known
    assert path.stat().st_ino == before
    table.follow(known.model_copy(update={"title": "New"}))
    assert path.stat().st_ino != before


def test_a_page_tells_that_a_linked_group_is_gone_and_revives_no_forgotten_chat(tmp_path):
    table = IdentityTable(tmp_path)
    known = table.record(seen(linked_chat_id=5))
    assert table.record(seen()).linked_chat_id == 5
    assert table.follow(known.model_copy(update={"linked_chat_id": None})).linked_chat_id is None
    table.set_paused("ru_python", paused=True)
    assert table.follow(known).paused
    table.remove("ru_python")
    table.follow(known.model_copy(update={"title": "New"}))
    assert table.all() == []


GROUP, SUPERGROUP = -501, -1000000009001


def test_a_migrated_group_goes_on_under_its_key_and_both_ids_mean_it(tmp_path):
    table = IdentityTable(tmp_path)
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


def test_a_supergroup_that_was_a_known_group_goes_on_as_that_one(tmp_path):
    table = IdentityTable(tmp_path)
    table.record(numbered(GROUP))
    named = table.record(seen(marked_id=SUPERGROUP, username="new_home", migrated_from_chat_id=501))
    assert (named.key, named.marked_id) == ("chat_501", SUPERGROUP)
    assert [chat.key for chat in table.all()] == ["chat_501"]
    assert table.find(parse_spelling("@new_home")) == table.find(parse_spelling(GROUP)) == named


def test_a_group_whose_supergroup_has_a_key_of_its_own_says_where_it_went(tmp_path):
    table = IdentityTable(tmp_path)
    home = table.record(seen(key="new_home", marked_id=SUPERGROUP, username="new_home"))
    table.record(numbered(GROUP))

    stays = table.migrated("chat_501", into=home)

    assert (stays.key, stays.marked_id, stays.migrated_to_id) == ("chat_501", GROUP, SUPERGROUP)
    assert table.find(parse_spelling(GROUP)) == stays
    assert table.get("new_home").migrated_from_chat_id == 501
    assert table.migrated("chat_501", into=home) == stays
    assert table.record(numbered(GROUP)).migrated_to_id == SUPERGROUP


def test_a_past_that_is_found_out_later_is_told_by_the_group_too(tmp_path):
    table = IdentityTable(tmp_path)
    table.record(seen(key="new_home", marked_id=SUPERGROUP, username="new_home"))
    table.record(numbered(GROUP))
    table.record(seen(marked_id=SUPERGROUP, username="new_home", migrated_from_chat_id=501))
    assert table.get("chat_501").migrated_to_id == SUPERGROUP
