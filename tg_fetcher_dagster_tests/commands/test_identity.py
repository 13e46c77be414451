import datetime as dt
import multiprocessing

import pytest

from tg_fetcher_dagster.commands.chats import parse_spelling
from tg_fetcher_dagster.commands.identity import ChatIdentity, IdentityTable
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


def test_a_rename_keeps_the_key_and_adds_an_alias(tmp_path):
    table = IdentityTable(tmp_path)
    table.record(seen(access_hashes={"main": 1}, account="main", first_message_date=dt.date(2020, 1, 1)))
    renamed = table.record(
        seen(
            key="py_russia", username="Py_Russia", title="New", access_hashes={"second": 2}, account="second"
        )
    )
    assert (renamed.key, renamed.username, renamed.title) == ("ru_python", "Py_Russia", "New")
    assert renamed.access_hashes == {"main": 1, "second": 2}
    assert renamed.account == "main"
    assert renamed.first_message_date == dt.date(2020, 1, 1)
    for spelling in ("@ru_python", "@py_russia"):
        assert table.find(parse_spelling(spelling)) == renamed


def test_a_username_that_changed_hands_stops_and_says_so(tmp_path):
    table = IdentityTable(tmp_path)
    table.record(seen())
    with pytest.raises(
        FetchError, match=r"@ru_python changed hands.*channel_1234567890.*channel_99"
    ) as caught:
        table.record(seen(marked_id=-1000000000099))
    assert caught.value.error_type is ErrorType.VALIDATION
    assert [chat.marked_id for chat in table.all()] == [-1001234567890]


def test_once_the_old_chat_is_removed_its_name_may_mean_the_new_one(tmp_path):
    table = IdentityTable(tmp_path)
    table.record(seen())
    assert table.remove("ru_python")
    assert table.record(seen(marked_id=-1000000000099)).key == "ru_python"
    (tmp_path / "outside.json").write_text("{}")
    assert not table.remove("../outside")
    assert (tmp_path / "outside.json").exists()


def test_a_former_username_that_changed_hands_stops_too(tmp_path):
    table = IdentityTable(tmp_path)
    table.record(seen())
    table.record(seen(username="py_russia"))
    with pytest.raises(FetchError, match="changed hands"):
        table.record(seen(marked_id=-1000000000099))


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
