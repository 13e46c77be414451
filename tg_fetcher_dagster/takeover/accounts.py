"""`{account}.floods.json` and `{account}.quarantine.json` in SESSION_DIR become the table `accounts`.

How far the machine's clock is off (`.clock.json`) is this host's, and stays where it is.
"""

import datetime as dt
import re
from pathlib import Path
from typing import Any

import orjson

from tg_fetcher_dagster.ledger import arrivals
from tg_fetcher_dagster.takeover.old_layout import OldQuarantine, Unreadable, read
from tg_fetcher_dagster.takeover.taking import Taking, names

_MARK = re.compile(r"([a-z0-9_]{1,32})\.(?:floods|quarantine)\.json")


def take_accounts(taking: Taking) -> None:
    """Takes over what keeps accounts from being used.

    A quarantine that cannot be read is one all the same; flood deadlines that cannot be read are none.
    """
    folder = taking.session_dir
    marks = [match for name in names(folder) if (match := _MARK.fullmatch(name))]
    rows = [_row(folder, account) for account in sorted({match[1] for match in marks})]
    if taking.ledger is not None:
        with taking.ledger.write() as connection:
            arrivals.put_accounts(connection, rows)
    taking.report.counts["accounts with a mark"] += len(rows)
    for match in marks:
        taking.put_aside(folder / match[0])


def _row(folder: Path, account: str) -> dict[str, Any]:
    floods = folder / f"{account}.floods.json"
    quarantine = folder / f"{account}.quarantine.json"
    why, at = None, None
    if quarantine.exists():
        mark, _ = read(OldQuarantine, quarantine)
        if isinstance(mark, Unreadable):
            why, at = f"its mark is unreadable: {mark.why}", dt.datetime.now(dt.UTC).timestamp()
        else:
            why, at = mark.reason, mark.at.timestamp()
    return {
        "name": account,
        "quarantine_reason": why,
        "quarantined_at": at,
        "floods": orjson.dumps(_deadlines(floods)).decode(),
    }


def _deadlines(path: Path) -> dict[str, float]:
    try:
        kept = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    if not isinstance(kept, dict):
        return {}
    return {
        method: float(until)
        for method, until in kept.items()
        if isinstance(until, int | float) and not isinstance(until, bool)
    }
