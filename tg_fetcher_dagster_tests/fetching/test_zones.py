"""A day's bounds are TIMEZONE's and the dates stay UTC; clocks that change lose and repeat nothing."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tg_fetcher_dagster.storage.day_file_check import check_day_file
from tg_fetcher_dagster_tests.fetching.reading import Fetching, days_between


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [
        pytest.param("Europe/Berlin", "2025-10-25", "2025-10-27", id="a day of 25 hours"),
        pytest.param("Africa/Cairo", "2025-04-24", "2025-04-26", id="a day without midnight"),
        pytest.param("America/Havana", "2025-11-01", "2025-11-03", id="midnight twice"),
        pytest.param("Pacific/Kiritimati", "2025-03-08", "2025-03-10", id="14 hours before UTC"),
    ],
)
async def test_days_of_another_zone_hold_each_message_once(
    fetching: Callable[..., Fetching], zone: str, first: str, last: str
) -> None:
    days = days_between(first, last)
    telegram = fetching(
        {
            "seed": 5,
            "days": {"from": first, "to": last},
            "accounts": [{"name": "main", "phone": "+15550001001"}],
            "chats": {"busy": {"type": "supergroup", "username": "busy_group", "messages_per_day": 170}},
        },
        timezone=zone,
    )
    told = telegram.truth()["busy"]["days"].values()
    moments = {
        message["id"]: datetime.fromisoformat(message["date"]).astimezone(ZoneInfo(zone)).date()
        for of_a_day in told
        for message in of_a_day["messages"]
    }
    key = await telegram.resolve("busy_group")

    await telegram.fetch(key, days)

    for day in days:
        kept = telegram.day(key, day)
        wanted = sorted((number for number, its_day in moments.items() if its_day == day), reverse=True)
        assert [message["id"] for message in kept["messages"]] == wanted
        assert kept["timezone"] == zone
        assert all(message["date"].endswith("Z") for message in kept["messages"])
        findings = check_day_file(telegram.context.store.day(key, day), zone=ZoneInfo(zone), key=key)
        assert (findings.schema, findings.ids, findings.references) == ([], [], [])
