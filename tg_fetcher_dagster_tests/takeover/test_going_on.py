"""What was in flight before the takeover comes to its end after it, and each day is told once."""

import json
from collections import Counter

import sqlalchemy as sa

from tg_fetcher_dagster.ledger import tables
from tg_fetcher_dagster.takeover.everything import take_over
from tg_fetcher_dagster_tests.requests.office import Office
from tg_fetcher_dagster_tests.takeover.test_take_over import NOV, rows

LATER = 1795640000.0
"""After the flood that the batch waited for."""


def test_the_reconciler_brings_them_to_their_end(before):
    take_over(before.settings, before.ledger)
    with before.ledger() as ledger:
        office = Office(ledger, before.data, now=1795633000.0)
        assert office.tick().start == [], "the flood is waited for"
        office.now = LATER
        read = []
        while started := office.tick().start:  # one chat is read by one run at a time
            for batch in started:
                office.carries_out(batch)
                read += batch.days
        assert read == [NOV[1], NOV[3], NOV[4]]
    states = {row["command_id"]: row["state"] for row in rows(before, tables.requests, "seq")}
    assert states["planned"] == states["merged"] == "failed", "one of its days had failed"
    assert states["unplanned"] == "unresolved"
    told = Counter(
        (command, event["date"])
        for row in rows(before, tables.events, "seq")
        for event in [json.loads(row["body"])]
        for command in event["command_ids"]
        if command in {"planned", "merged"}
    )
    assert told == Counter([*(("planned", str(day)) for day in NOV[:5]), ("merged", str(NOV[2]))]), (
        "each day of each command once, whoever told it"
    )
    with before.ledger() as ledger, ledger.read() as connection:
        letters = connection.execute(sa.select(tables.dead_letters.c.letter)).scalars().all()
    ids = [json.loads(letter).get("command_id") for letter in letters if letter.startswith(b"{")]
    assert Counter(ids)["planned"] == Counter(ids)["merged"] == 1
