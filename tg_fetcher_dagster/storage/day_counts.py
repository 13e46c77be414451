"""How many messages of which sort a day file has: what may be shown of it where texts may not."""

from collections import Counter
from pathlib import Path

import orjson

from tg_fetcher_dagster.storage.day_file import message_lines


def count_messages(path: Path) -> dict[tuple[str, str], int]:
    """Returns counts by what is counted and its sort, the messages themselves first.

    Sorts are Telegram's and the schema's own words (`photo`, `pin_message`, `question`, `ru`); senders are a
    number, never names.

    Raises:
        OSError: the file cannot be read.
        ValueError: a line is no message.
    """
    counts: Counter[tuple[str, str]] = Counter()
    senders: set[object] = set()
    total = 0
    for line in message_lines(path):
        message = orjson.loads(line)
        total += 1
        senders.add(message.get("sender_id"))
        counts["type", str(message.get("message_type"))] += 1
        counts["language", str(message.get("lang"))] += 1
        for what in ("media", "action"):
            if part := message.get(what):
                counts[what, str(part.get("type"))] += 1
        for what, key in (("replies", "reply_to_msg_id"), ("forwards", "forward_from"), ("polls", "poll")):
            counts[what, ""] += bool(message.get(key))
        counts["comments", ""] += len(message.get("comments") or ())
        counts["reactions", ""] += sum(each["count"] for each in message.get("reactions") or ())
    found = {key: counts[key] for key in sorted(counts) if counts[key]}
    return {("messages", ""): total, ("senders", ""): len(senders - {None}), **found}
