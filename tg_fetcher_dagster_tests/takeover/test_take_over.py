import datetime as dt
import json
from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa
from filelock import FileLock

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger import tables
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.storage.coverage import Coverage
from tg_fetcher_dagster.storage.paths import Store
from tg_fetcher_dagster.takeover.everything import take_over

NOV = [dt.date(2025, 11, day) for day in range(1, 31)]


def rows(before, table, *order):
    with before.ledger() as ledger, ledger.read() as connection:
        found = connection.execute(sa.select(table).order_by(*(table.c[name] for name in order)))
        return [dict(row) for row in found.mappings()]


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_chats_come_with_their_identities_and_the_removed_one_keeps_its_key(before):
    take_over(before.settings, before.ledger)
    chats = {row["key"]: row for row in rows(before, tables.chats, "key")}
    assert chats.keys() == {"chat_410001002", "demo_news", "demo_python_chat"}
    assert {key for key, row in chats.items() if row["paused"]} == {"demo_python_chat"}
    assert {key for key, row in chats.items() if row["forgotten_at"]} == {"chat_410001002"}
    news = ChatIdentity.model_validate_json(chats["demo_news"]["identity"])
    assert (news.title, news.marked_id) == ("Новости Python", chats["demo_news"]["marked_id"])
    assert news.access_hashes
    (unresolved,) = rows(before, tables.unresolved, "spelling")
    assert (unresolved["spelling"], unresolved["error_type"]) == ("nobody_here", "not_found")


def test_the_days_are_proved_as_they_were(before):
    kept = before.data / "demo_news" / ".coverage" / "2025-11-07.json"
    old = kept.read_text()
    take_over(before.settings, before.ledger)
    days = {(row["chat"], row["date"]): row for row in rows(before, tables.days, "chat", "date")}
    assert days.keys() == {("demo_news", NOV[6]), ("demo_python_chat", NOV[0]), ("demo_python_chat", NOV[1])}
    news = days["demo_news", NOV[6]]
    coverage = Coverage.model_validate_json(news["coverage"])
    assert coverage == Coverage.model_validate_json(old)
    assert (news["settled"], news["proved"], news["due_at"]) == (True, True, None)
    assert (news["checksum_sha256"], news["message_count"]) == (coverage.checksum_sha256, 10)
    assert news["fetched_at"] == coverage.fetched_at.timestamp()


def test_events_wait_in_their_order_and_those_that_were_told_stay_told(before):
    take_over(before.settings, before.ledger)
    events = rows(before, tables.events, "seq")
    assert [(row["chat"], row["date"].day, row["event"]) for row in events if row["published_at"]] == [
        ("demo_news", 7, "messages_fetched"),
        ("demo_python_chat", 1, "messages_fetched"),
        ("demo_python_chat", 2, "messages_fetched"),
    ]
    assert [(row["date"].day, row["event"]) for row in events if not row["published_at"]] == [
        (1, "fetch_skipped"),
        (3, "fetch_failed"),
    ]
    for row in events:
        assert json.loads(row["body"])["event_id"] == row["event_id"]


def test_commands_in_flight_go_on_where_they_were_and_no_day_is_told_twice(before, redis_client):
    take_over(before.settings, before.ledger)
    planned, merged, unplanned, junk = rows(before, tables.requests, "seq")
    assert (planned["command_id"], planned["state"], planned["open_days"]) == ("planned", "planned", 3)
    assert (planned["requested_by"], planned["failed_days"]) == ("cron", 1)
    assert (merged["command_id"], merged["state"], merged["open_days"]) == ("merged", "planned", 0)
    assert merged["failed_days"] == 1
    assert (unplanned["state"], json.loads(unplanned["raw"])["command_id"]) == ("new", "unplanned")
    assert (junk["state"], junk["raw"]) == ("new", b"\xff\x00 no json")
    asks = rows(before, tables.asks, "seq", "date")
    mine = [row for row in asks if row["request_id"] == planned["request_id"]]
    assert [row["state"] for row in mine] == ["skipped", "open", "failed", "open", "open"]
    assert {row["batch_id"] for row in asks} == {None}
    assert {(row["tries"], row["waits"], row["wait_until"]) for row in mine} == {(1, 1, 1795633200.0)}
    told = {row["date"]: row["event_id"] for row in rows(before, tables.events, "seq") if row["request_id"]}
    assert mine[2]["event_id"] == told[NOV[2]]
    left = {key for key in redis_client.keys("tg_commands*") if b"before-ledger" not in key}
    assert left == {b"tg_commands", b"tg_commands:failed"}
    assert redis_client.llen("tg_commands") == 1, "what nobody had claimed waits where it was"


def test_dead_letters_stay_in_redis_and_stand_in_the_ledger_too(before, redis_client):
    letters = redis_client.lrange("tg_commands:failed", 0, -1)
    take_over(before.settings, before.ledger)
    assert redis_client.lrange("tg_commands:failed", 0, -1) == letters
    first, second = rows(before, tables.dead_letters, "seq")
    assert [first["letter"], second["letter"]] == letters
    assert (first["command_id"], first["chat"], first["error_type"]) == ("dead", "@gone_chat", "not_found")
    assert first["failed_at"] == dt.datetime(2026, 11, 20, tzinfo=dt.UTC).timestamp()
    assert first["mirrored_at"]
    assert second["mirrored_at"] is not None, "it is not put into the list a second time"


def test_floods_and_quarantine_hold_on(before):
    take_over(before.settings, before.ledger)
    main, second = rows(before, tables.accounts, "name")
    assert orjson.loads(main["floods"]) == {"messages.getHistory": 1795633201.949345}
    assert (second["name"], second["quarantine_reason"]) == ("second", "AUTH_KEY_UNREGISTERED")


def test_a_quarantine_that_cannot_be_read_is_one_and_a_word_for_a_deadline_is_none(before):
    (before.settings.session_dir / "second.quarantine.json").write_text("{")
    (before.settings.session_dir / "main.floods.json").write_text('{"a": "tomorrow", "b": 5}')
    take_over(before.settings, before.ledger)
    main, second = rows(before, tables.accounts, "name")
    assert orjson.loads(main["floods"]) == {"b": 5.0}
    assert "unreadable" in second["quarantine_reason"]


def test_nothing_is_deleted_and_moving_it_back_gives_the_old_layout(before):
    old = files(before.data)
    take_over(before.settings, before.ledger)
    aside = files(before.data / ".before-ledger")
    assert {name for name in aside if name in old} == {
        name for name in old if name.startswith((".chats/", ".outbox/")) or "/.coverage/" in name
    }
    assert all(body == old[name] for name, body in aside.items())
    now = {name: body for name, body in files(before.data).items() if not name.startswith(".before-ledger/")}
    kept = {name for name in old if name not in aside and name != ".store.json"}
    assert {name: now[name] for name in kept} == {name: old[name] for name in kept}


def test_the_new_version_refuses_the_folder_until_then_and_the_old_one_after_it(before, tmp_path):
    store = Store.of(before.settings)
    with pytest.raises(FetchError, match="run tg-fetcher ledger migrate"):
        store.prepare()
    take_over(before.settings, before.ledger)
    store.prepare()
    assert json.loads((before.data / ".store.json").read_text()) == {"format": 2, "timezone": "UTC"}


def test_no_empty_ledger_is_begun_beside_what_an_older_version_knew(before):
    with pytest.raises(FetchError, match="run tg-fetcher ledger migrate"):
        Ledger.open(f"sqlite:///{before.data}/.ledger/ledger.sqlite")
    assert not (before.data / ".ledger").exists()


def test_a_second_time_changes_nothing_whatever_happened_since(before, redis_client):
    take_over(before.settings, before.ledger)
    with before.ledger() as ledger, ledger.write() as connection:
        connection.execute(sa.delete(tables.dead_letters))
        connection.execute(sa.delete(tables.requests))
    again = take_over(before.settings, before.ledger)
    assert not again.counts.total()
    assert rows(before, tables.dead_letters, "seq") == rows(before, tables.requests, "seq") == []


def test_a_look_says_what_would_be_done_and_changes_nothing(before, redis_client):
    old, keys = files(before.data.parent), sorted(redis_client.keys())
    look = take_over(before.settings, None)
    assert (files(before.data.parent), sorted(redis_client.keys())) == (old, keys)
    assert rows(before, tables.chats, "key") == rows(before, tables.days, "chat") == []
    done = take_over(before.settings, before.ledger)
    assert look.counts == done.counts
    assert done.counts == {
        "accounts with a mark": 2,
        "chats": 2,
        "removed chats": 1,
        "spellings without a chat": 1,
        "days": 3,
        "events that were told": 3,
        "events that wait": 2,
        "progress events that nobody was told": 1,
        "commands in flight": 4,
        "dead letters": 2,
    }


def test_it_waits_for_the_old_versions_runs_and_says_which(before):
    mark = before.data / ".runs" / "6f0a4f4e.lock"
    mark.parent.mkdir()
    (mark.parent / "dead.lock").write_text("1\n")
    old = files(before.data)
    with FileLock(mark), pytest.raises(FetchError, match=r"under way \(6f0a4f4e\)") as refused:
        take_over(before.settings, before.ledger)
    assert "\n" not in refused.value.message
    mark.unlink(missing_ok=True)
    assert {name: body for name, body in files(before.data).items() if name in old} == {
        name: body for name, body in old.items() if not name.endswith("6f0a4f4e.lock")
    }
    take_over(before.settings, before.ledger)
    assert not (before.data / ".runs").exists()


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        (".chats/torn.json", "{", "no chat's identity"),
        (".chats/other.json", '{"key": "demo_news", "marked_id": 5, "title": ""}', "it is that of demo_news"),
        (".chats/twin.json", '{"key": "twin", "marked_id": -1001579378361, "title": ""}', "has its id"),
        ("demo_news/.coverage/2025-11-08.json", "\0\0", "the day counts as not fetched"),
        ("demo_news/.coverage/2025-11-09.json", None, "it is that of demo_news 2025-11-07"),
        (".outbox/pending/somebody.txt", "hello", "no event"),
        (
            ".outbox/pending/99999999999999999999~fetch-1~demo_news~2025-11-08~fetch_failed~0.json",
            '{"event": "fetch_failed", "event_id": "x", "chat": "demo_news", "date": "2025-99-08"}',
            "date",
        ),
    ],
)
def test_what_is_damaged_or_foreign_is_named_and_stays_and_spoils_nothing_else(before, name, body, says):
    path: Path = before.data / name
    if body is None:
        body = (path.parent / "2025-11-07.json").read_text()
    path.write_text(body)
    report = take_over(before.settings, before.ledger)
    assert [line for line in report.left if str(path) in line and says in line]
    assert report.left_count == 1
    assert path.read_text() == body
    assert len(rows(before, tables.days, "chat")) == 3
    assert len([row for row in rows(before, tables.chats, "key") if not row["forgotten_at"]]) == 2
    Store.of(before.settings).prepare()


def test_without_redis_the_folder_waits_until_somebody_says_what_is_meant(before):
    away = before.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})
    with pytest.raises(FetchError, match=r"not taken over yet; start it.*REDIS_URL=") as refused:
        take_over(away, before.ledger)
    assert refused.value.error_type is ErrorType.NETWORK
    with pytest.raises(FetchError, match="run tg-fetcher ledger migrate"):
        Store.of(before.settings).prepare()
    take_over(away.model_copy(update={"redis_url": None}), before.ledger)
    Store.of(before.settings).prepare()
    assert len(rows(before, tables.days, "chat")) == 3


def test_a_reading_that_is_not_believed_is_due_when_a_second_one_counts(before):
    doubt = before.data / "demo_news" / ".candidates" / "2025-11-07.json"
    doubt.parent.mkdir()
    doubt.write_text(
        json.dumps(
            {"fetched_at": "2026-11-25T10:00:00Z", "request_id": "x", "kept": 9, "vanished": 8, "found": 1}
        )
    )
    take_over(before.settings, before.ledger)
    news = rows(before, tables.days, "chat", "date")[0]
    assert news["due_at"] == dt.datetime(2026, 11, 26, 10, tzinfo=dt.UTC).timestamp()
    assert (news["error_type"], news["error"]) == ("suspicious_deletion", "8 of 9 messages are gone")
    assert doubt.exists()


def test_a_fresh_folder_needs_neither_a_takeover_nor_redis(before, tmp_path):
    fresh = before.settings.model_copy(
        update={
            "data_dir": tmp_path / "new",
            "session_dir": tmp_path / "s",
            "redis_url": "redis://127.0.0.1:1",
        }
    )
    assert not take_over(fresh, before.ledger).counts.total()
    Store.of(fresh).prepare()
