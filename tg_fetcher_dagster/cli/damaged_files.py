"""Days whose files are gone or of another size: what `status --files` looks for, one `stat` a file."""

from datetime import date

from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.days import counts
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.coverage import Coverage, covered_days
from tg_fetcher_dagster.storage.damage import Damage, Part, look
from tg_fetcher_dagster.storage.paths import Store


def damaged_days(settings: Settings) -> list[str]:
    """Returns a line for each day with damaged files, by chat and day; as slow as the disk is.

    Raises:
        FetchError: (storage) the ledger or a folder cannot be read.
    """
    store = Store.of(settings)
    lines = []
    with Ledger.open(settings.ledger_location) as ledger:
        with ledger.read() as connection:
            keys = sorted(counts(connection))
        for key in keys:
            covered = covered_days(ledger, key, date.min, date.max)
            for day in sorted({*covered, *store.days(key)}):
                found = _damage(store, key, day, covered.get(day))
                if found:
                    lines.append(f"{key} {day}: {', '.join(map(str, found))}")
    return lines


def _damage(store: Store, chat: str, day: date, coverage: Coverage | None) -> tuple[Damage, ...]:
    if coverage is None:
        return (Damage(Part.COVERAGE, "is gone"),)
    found = look(store.day(chat, day), coverage)
    return found if coverage.needs_read is None else (*found, Damage(Part.RAW, coverage.needs_read))
