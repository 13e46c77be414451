"""Days whose files are gone or of another size: what `status --files` looks for, one `stat` a file."""

from datetime import date

from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.ledger.days import counts
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.storage.coverage import covered_days
from tg_fetcher_dagster.storage.damage import standing
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
            stand = standing(store, key, covered_days(ledger, key, date.min, date.max))
            lines += [
                f"{key} {day}: {', '.join(map(str, found))}" for day, found in sorted(stand.damaged.items())
            ]
    return lines
