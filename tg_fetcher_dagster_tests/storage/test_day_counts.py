"""What may be shown of a day without its texts."""

from zoneinfo import ZoneInfo

from tg_fetcher_dagster.storage.day_counts import count_messages
from tg_fetcher_dagster.storage.day_file_check import check_day_file
from tg_fetcher_dagster.storage.paths import DayPaths, Store
from tg_fetcher_dagster_tests.storage.writing import fetch_day, message


def test_messages_are_counted_by_their_sorts(ledger, paths: DayPaths) -> None:
    fetch_day(
        ledger,
        paths,
        [
            message(4, sender_id=7, message_type="question", lang="ru", media={"type": "photo"}),
            message(3, sender_id=7, message_type="question", lang="en", reply_to_msg_id=1),
            message(2, sender_id=None, message_type="service", lang="other", action={"type": "pin_message"}),
            message(1, sender_id=8, message_type="other", lang="ru", comments=[{}, {}],
                    reactions=[{"emoji": "👍", "count": 5}]),
        ],
    )  # fmt: skip
    assert count_messages(paths.day_file) == {
        ("messages", ""): 4,
        ("senders", ""): 2,
        ("action", "pin_message"): 1,
        ("comments", ""): 2,
        ("language", "en"): 1,
        ("language", "other"): 1,
        ("language", "ru"): 2,
        ("media", "photo"): 1,
        ("reactions", ""): 5,
        ("replies", ""): 1,
        ("type", "other"): 1,
        ("type", "question"): 2,
        ("type", "service"): 1,
    }


def test_a_day_without_messages_has_none(ledger, paths: DayPaths) -> None:
    fetch_day(ledger, paths, [])
    assert count_messages(paths.day_file) == {("messages", ""): 0, ("senders", ""): 0}


def test_findings_name_a_message_and_do_not_quote_it(ledger, store: Store, paths: DayPaths) -> None:
    fetch_day(ledger, paths, [message(17, "a secret"), {"text": "another secret"}])
    found = check_day_file(paths, zone=ZoneInfo("UTC"), key="ru_python|2025-11-07")
    assert len(found.schema) == 2
    assert "message 17" in found.schema[0]
    assert "number 2 from the top" in found.schema[1]
    assert not any("secret" in line for line in found.schema)
