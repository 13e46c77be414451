"""The ledger made again from the files: after its loss, beside an older backup, for another's day files."""

import datetime as dt
import json
import os
import shutil
from dataclasses import replace

import dagster as dg
import pytest
import sqlalchemy as sa

from tg_fetcher_dagster.chats.identity import ChatIdentity
from tg_fetcher_dagster.defs.lost_materialisations import show_again
from tg_fetcher_dagster.fetching.context import DayContext
from tg_fetcher_dagster.fetching.verifying import verify_day
from tg_fetcher_dagster.ledger import tables
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.day_pages import read_days
from tg_fetcher_dagster.storage.coverage import Coverage
from tg_fetcher_dagster.takeover.everything import take_over
from tg_fetcher_dagster.takeover.from_files import ledger_from_files
from tg_fetcher_dagster_tests.takeover.test_take_over import NOV, rows

READ = [("demo_news", NOV[6]), ("demo_python_chat", NOV[0]), ("demo_python_chat", NOV[1])]


@pytest.fixture
def taken(before, new_ledger):
    """The deployment as it is now, with a second ledger that is empty: the first one is lost."""
    take_over(before.settings, before.ledger)
    return before


@pytest.fixture
def lost(taken, new_ledger):
    """The same after the ledger was lost."""
    return replace(taken, url=new_ledger())


def from_files(deployment, **chosen):
    with deployment.ledger() as ledger:
        return ledger_from_files(DayContext(deployment.settings, opened=ledger), **chosen)


def days_of(deployment):
    return {(row["chat"], row["date"]): row for row in rows(deployment, tables.days, "chat", "date")}


def without(row, *names):
    return {name: value for name, value in row.items() if name not in {"updated_at", *names}}


def adopt(deployment, name, *, messages, written="2025-12-24T00:00:00+00:00", **changed):
    """Puts a day file of the predecessor into its place."""
    path = deployment.data / name
    path.parent.mkdir(parents=True, exist_ok=True)
    source = {"id": f"@{path.parent.name}", "title": "t", "url": "u", "type": "channel"}
    content = {"version": "1.0", "timezone": "UTC", "source_info": source, "senders": {}}
    path.write_text(json.dumps({**content, "messages": messages, **changed}, indent=2))
    moment = dt.datetime.fromisoformat(written).timestamp()
    os.utime(path, (moment, moment))
    return path


def message(number, day):
    return {"id": number, "date": f"{day}T10:00:00Z", "text": "x", "sender_id": 1}


def test_days_and_chats_come_back_as_they_were_and_nobody_is_told(taken, lost):
    report = from_files(lost)
    assert report.counts["days"] == 3
    assert not report.left
    were, are = days_of(taken), days_of(lost)
    assert are.keys() == were.keys() == set(READ)
    for key, row in are.items():
        assert without(row, "coverage") == without(were[key], "coverage")
        was, now = (Coverage.model_validate_json(each["coverage"]) for each in (were[key], row))
        assert now.model_copy(update={"outcome": was.outcome, "changes": was.changes}) == was
    assert rows(lost, tables.events, "seq") == []
    chats = {row["key"]: row for row in rows(lost, tables.chats, "key")}
    assert chats.keys() == {"demo_news", "demo_python_chat"}
    news = ChatIdentity.model_validate_json(chats["demo_news"]["identity"])
    assert (news.title, news.marked_id) == ("Новости Python", chats["demo_news"]["marked_id"])


def test_a_second_time_and_one_chat_alone_change_nothing_more(lost):
    assert from_files(lost, chats=["demo_news"]).counts["days"] == 1
    assert from_files(lost).counts["days"] == 2
    before = rows(lost, tables.days, "chat", "date")
    assert not from_files(lost).counts.total()
    assert rows(lost, tables.days, "chat", "date") == before


def test_a_day_whose_files_do_not_belong_together_is_made_again_and_told(lost):
    (lost.data / "demo_news" / "2025-11-07.json").write_text("{}")
    report = from_files(lost)
    assert report.counts["days that were made again from their raw files"] == 1
    (event,) = rows(lost, tables.events, "seq")
    checksum = days_of(lost)["demo_news", NOV[6]]["checksum_sha256"]
    assert json.loads(event["body"])["checksum_sha256"] == checksum
    assert (event["chat"], event["event"]) == ("demo_news", "messages_fetched")


def test_a_day_whose_raw_file_is_torn_is_named_and_read_by_the_next_fetch(lost):
    raw = lost.data / "demo_news" / "raw" / "2025-11-07.jsonl.zst"
    raw.write_bytes(raw.read_bytes()[:100])
    report = from_files(lost)
    assert ("demo_news", NOV[6]) not in days_of(lost)
    assert [line for line in report.left if str(raw) in line]


def test_a_day_without_its_raw_file_is_marked_as_not_proved(lost):
    (lost.data / "demo_news" / "raw" / "2025-11-07.jsonl.zst").unlink()
    from_files(lost)
    row = days_of(lost)["demo_news", NOV[6]]
    assert (row["proved"], row["settled"], row["coverage"]) == (False, True, None)


def test_a_backup_that_is_older_than_the_files_learns_of_the_newer_ones_in_silence(taken):
    with taken.ledger() as ledger, ledger.write() as connection:
        earlier = {"fetched_at": "2025-11-08T00:00:00Z", "checksum_sha256": "0" * 64}
        old = json.loads(days_of(taken)["demo_news", NOV[6]]["coverage"]) | earlier
        connection.execute(
            sa.update(tables.days)
            .where(tables.days.c.chat == "demo_news")
            .values(
                coverage=json.dumps(old), fetched_at=1762560000.0, checksum_sha256="0" * 64, settled=False
            )
        )
        connection.execute(sa.delete(tables.events))
        for request_id, received in (("before", 1762560000.0), ("after", 4e9)):
            connection.execute(
                sa.insert(tables.requests).values(
                    request_id=request_id,
                    source="redis",
                    state="planned",
                    correlation_id="c",
                    received_at=received,
                    open_days=1,
                )
            )
            connection.execute(
                sa.insert(tables.asks).values(
                    request_id=request_id, chat="demo_news", date=NOV[6], seq=1, priority=0, state="open"
                )
            )
    report = from_files(taken)
    assert report.counts["days"] == report.counts["asks that the files answer"] == 1
    assert days_of(taken)["demo_news", NOV[6]]["checksum_sha256"].startswith("b5860f97")
    assert days_of(taken)["demo_news", NOV[6]]["settled"]
    assert rows(taken, tables.events, "seq") == []
    asks = {row["request_id"]: row["state"] for row in rows(taken, tables.asks, "request_id")}
    assert (asks["before"], asks["after"]) == ("fetched", "open")


def test_a_ledger_that_knows_more_than_an_old_file_stays(taken):
    with taken.ledger() as ledger, ledger.write() as connection:
        connection.execute(sa.update(tables.days).values(fetched_at=4e9, checksum_sha256="1" * 64))
    assert not from_files(taken).counts["days"]
    assert {row["checksum_sha256"] for row in days_of(taken).values()} == {"1" * 64}


def test_another_programs_day_files_are_done_and_not_proved_and_move_no_other_day(taken):
    before = days_of(taken)
    adopt(taken, "old_chat/2025-10-02.json", messages=[message(2, "2025-10-02"), message(1, "2025-10-02")])
    adopt(taken, "demo_news/2025-11-08.json", messages=[])
    from_files(taken)
    adopt(taken, "old_chat/2025-10-01.json", messages=[])
    report = from_files(taken)
    days = days_of(taken)
    assert {key: days[key] for key in before} == before
    adopted = {key: row for key, row in days.items() if key not in before}
    assert adopted.keys() == {
        ("old_chat", dt.date(2025, 10, 1)),
        ("old_chat", dt.date(2025, 10, 2)),
        ("demo_news", NOV[7]),
    }
    for row in adopted.values():
        assert (row["settled"], row["proved"], row["coverage"]) == (True, False, None)
    assert adopted["old_chat", dt.date(2025, 10, 2)]["message_count"] == 2
    assert any("old_chat" in line and "first fetch" in line for line in report.left)


def test_an_adopted_day_is_verified_by_its_checksum_alone(taken, tmp_path):
    path = adopt(taken, "old_chat/2025-10-02.json", messages=[])
    from_files(taken)
    with taken.ledger() as ledger:
        context = DayContext(taken.settings, opened=ledger)
        assert verify_day("old_chat", dt.date(2025, 10, 2), context, scratch=tmp_path) == ()
        path.write_text(path.read_text() + " ")
        (damage,) = verify_day("old_chat", dt.date(2025, 10, 2), context, scratch=tmp_path)
        assert str(damage) == "day file is not what was recorded"


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ({"messages": [message(1, "2025-10-03")]}, "messages of other days (2025-10-03)"),
        ({"messages": [], "version": "7"}, "no day file of schema 1.0"),
        ({"messages": [{"id": 5}]}, "no day file of schema 1.0"),
    ],
)
def test_what_is_no_day_of_the_predecessor_is_named_and_not_done(taken, file, says):
    path = adopt(taken, "old_chat/2025-10-02.json", **file)
    report = from_files(taken)
    assert [line for line in report.left if str(path) in line and says in line]
    assert ("old_chat", dt.date(2025, 10, 2)) not in days_of(taken)


def test_a_day_that_was_not_over_when_its_file_was_written_is_not_done(taken):
    adopt(taken, "old_chat/2025-10-02.json", messages=[], written="2025-10-02T20:00:00+00:00")
    from_files(taken)
    row = days_of(taken)["old_chat", dt.date(2025, 10, 2)]
    assert (row["settled"], row["proved"]) == (False, False)


def test_dagster_shows_what_the_ledger_knows_once_and_goes_on_where_it_was_ended(lost):
    from_files(lost)
    adopt(lost, "demo_news/2025-11-08.json", messages=[])
    from_files(lost)

    def shown(instance):
        with Ledger.open(lost.url) as ledger:
            context = DayContext(lost.settings, opened=ledger)
            return show_again(instance, read_days(ledger), context.store, first=NOV[0], last=NOV[29])

    class Killed(BaseException):
        pass

    with dg.DagsterInstance.ephemeral() as instance:
        report, left = instance.report_runless_asset_event, [2]

        def report_two(event):
            if not left[0]:
                raise Killed
            left[0] -= 1
            report(event)

        instance.report_runless_asset_event = report_two
        with pytest.raises(Killed):
            shown(instance)
        instance.report_runless_asset_event = report
        assert shown(instance) == 2
        assert shown(instance) == 0
        assert set(instance.get_dynamic_partitions("chats")) == {"demo_news", "demo_python_chat"}
        assert instance.get_materialized_partitions(dg.AssetKey("messages")) == {
            *(f"{chat}|{day}" for chat, day in READ),
            "demo_news|2025-11-08",
        }


def test_a_folder_that_is_no_chats_is_passed_over(lost):
    shutil.copytree(lost.data / "demo_news", lost.data / "Not A Chat")
    assert from_files(lost).counts["days"] == 3
