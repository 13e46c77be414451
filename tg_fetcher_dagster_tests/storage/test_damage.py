"""What a look over a chat's files finds."""

from datetime import date

from tg_fetcher_dagster.storage.coverage import covered_days
from tg_fetcher_dagster.storage.damage import damaged_days
from tg_fetcher_dagster_tests.storage.writing import DAY, fetch_day, message


def test_a_look_names_files_and_records_that_are_gone(ledger, store):
    for number in (6, 7, 8, 9):
        fetch_day(ledger, store.day("ru_python", DAY.replace(day=number)), [message(1)])
    store.day("ru_python", DAY.replace(day=6)).day_file.unlink()
    for path in store.day("ru_python", DAY.replace(day=8)).folder.rglob("2025-11-08*"):
        path.unlink()
    covered = covered_days(ledger, "ru_python", date.min, date.max)
    del covered[DAY.replace(day=9)]

    found = damaged_days(store, "ru_python", covered)

    assert [day.day for day in found] == [6, 8, 9]
    assert [str(each) for each in found[DAY.replace(day=6)]] == ["day file is gone"]
    assert str(found[DAY.replace(day=9)][0]) == "coverage is gone"
