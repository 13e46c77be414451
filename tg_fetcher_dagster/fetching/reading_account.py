"""Which account read a day: raw files say it in their head, older ones among their people or not at all."""

from pathlib import Path
from typing import Any

from tg_fetcher_dagster.chats.ids import is_channel
from tg_fetcher_dagster.errors import FetchError
from tg_fetcher_dagster.fetching.raw_lines import account_of
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.storage.raw_file import read_raw


def reading_account(head: dict[str, Any], raw: Path, paths: DayPaths) -> int | None:
    """Returns the user id of the account that read a day; None where no raw file of the chat tells it.

    One's own messages of a private chat do not name their sender. In a day of an older format whose own file
    does not tell it, the newest file of the same chat that does decides: ids of such a chat belong to one
    account, so that all its days were read by it.

    Args:
        head: the first line of the day's raw file.
        raw: that file.
        paths: the day's files, beside which other days of the chat stand.
    """
    if "account_user_id" in head:
        known: int | None = head["account_user_id"]
        return known
    if head["identity"].get("reader_user_id") is not None:
        return int(head["identity"]["reader_user_id"])
    if is_channel(head["identity"]["marked_id"]):
        return None  # every message names its sender
    others = sorted(paths.raw.parent.glob("*.jsonl.zst"), reverse=True)
    for path in (raw, *others):
        try:
            account = account_of(read_raw(path))
        except FetchError:
            continue  # another day's damage is that day's trouble
        if account is not None:
            return account
    return None
