"""Dagster's partitions that lead to no chat: kept for `status` and `chats list`, which ask no Dagster."""

from collections.abc import Mapping

import orjson

from tg_fetcher_dagster.ledger.database import Connection, Ledger
from tg_fetcher_dagster.ledger.facts import keep_fact, object_fact

_STRAYS = "stray_partitions"
_LONGEST = 80
"""Characters of a partition's name that a line shows: anybody may type one in the UI."""


def stray_partitions(connection: Connection) -> dict[str, str]:
    """Returns the partitions that are left out, each with the reason."""
    return {str(name): str(why) for name, why in object_fact(connection, _STRAYS).items()}


def keep_stray_partitions(ledger: Ledger, left_out: Mapping[str, str]) -> list[str]:
    """Keeps which partitions are left out; returns a line for each that was not left out before."""
    with ledger.read() as connection:
        before = stray_partitions(connection)
    if before != left_out:
        with ledger.write() as connection:
            keep_fact(connection, _STRAYS, orjson.dumps(dict(left_out)).decode())
    return [stray_line(name, left_out[name]) for name in sorted(left_out.keys() - before.keys())]


def stray_line(partition: str, why: str) -> str:
    """Returns one line about a partition that is left out."""
    shown = repr(partition if len(partition) <= _LONGEST else f"{partition[:_LONGEST]}...")
    return f"partition {shown} is no chat and is left out: {why}; tg-fetcher chats remove {shown}"
