"""Which events are whose end, by the documented rule: a duplicate's answer ends its last command alone.

docs/decisions.md, "The same ask a moment later": the commands before the last one are those that the event
`duplicate_of` has answered, and that one must be there.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Ends = dict[tuple[str, str, str | None], list[Mapping[str, Any]]]
"""By command, chat and day (None: the command made no sense)."""


def ends_of(events: Iterable[Mapping[str, Any]]) -> Ends:
    """Returns the terminal events that end each day of each command."""
    ends: Ends = {}
    for event in events:
        named = event["command_ids"]
        for command_id in named[-1:] if event.get("duplicate_of") else named:
            ends.setdefault((command_id, event["chat"], event["date"]), []).append(event)
    return ends


def told_beside_their_end(events: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yields what no duplicate's answer may say: it names nobody but those whom the first event answered."""
    told = list(events)
    by_id = {event["event_id"]: event for event in told}
    for event in told:
        if event.get("reason") != "duplicate" and not event.get("duplicate_of"):
            continue
        first = by_id.get(event["duplicate_of"])
        if first is None:
            yield f"{event['event_id']} repeats {event['duplicate_of']}, which was told to nobody"
        elif first.get("duplicate_of"):
            yield f"{event['event_id']} repeats {first['event_id']}, which is a repetition itself"
        elif (first["chat"], first["date"]) != (event["chat"], event["date"]):
            yield f"{event['event_id']} repeats {first['event_id']}, which is about another day"
        elif event["command_ids"][:-1] != [
            each for each in first["command_ids"] if each != event["command_ids"][-1]
        ]:
            yield f"{event['event_id']} names others than {first['event_id']}: {event['command_ids']}"
