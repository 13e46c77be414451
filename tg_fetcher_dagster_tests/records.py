"""What is proved of days, as tests look at it and damage it in the ledger of a DATA_DIR."""

from datetime import date
from pathlib import Path

from tg_fetcher_dagster.ledger import days as ledger_days
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.storage.coverage import Coverage, covered_days, read_coverage, write_coverage
from tg_fetcher_dagster.storage.damage import look
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster_tests.events.recorded import ledger_of


def proved_days(data_dir: Path, chat: str) -> dict[date, Coverage]:
    """Returns what is proved of each day of a chat, the oldest first."""
    ledger = ledger_of(data_dir)
    try:
        return covered_days(ledger, chat, date.min, date.max)
    finally:
        ledger.close()


def lose_records(data_dir: Path, chat: str, *days: date) -> None:
    """Takes the records of days out of the ledger."""
    ledger = ledger_of(data_dir)
    with ledger.write() as connection:
        for day in days:
            ledger_days.put(connection, chat, day, {"coverage": None, "settled": False})
    ledger.close()


def change_record(data_dir: Path, chat: str, day: date, **values: object) -> None:
    """Writes other values into the record of a day."""
    kept = proved_days(data_dir, chat)[day]
    ledger = ledger_of(data_dir)
    with ledger.write() as connection:
        write_coverage(connection, kept.model_copy(update=values))
    ledger.close()


def is_complete(ledger: Ledger, paths: DayPaths) -> bool:
    """True where a day needs no fetch: it is settled, and all its files are there with their sizes."""
    proved = read_coverage(ledger, paths)
    return proved is not None and proved.settled and not look(paths, proved)
