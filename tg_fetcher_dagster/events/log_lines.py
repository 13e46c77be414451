"""Events in the log: recorded, and published. One line each; of many at once one line for whoever asked."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import structlog

log = structlog.get_logger(__name__)

ONE_BY_ONE: Final = 100
"""Events that are told one by one: a command for a year of days that are complete already has 365."""

_IDS: Final = ("event_id", "correlation_id", "command_ids", "chat", "date")


def recorded(events: Sequence[Mapping[str, Any]], *, correlation_ids: Sequence[str] = ()) -> None:
    """Tells of events that stand in the ledger.

    Args:
        events: the fields of each.
        correlation_ids: of all whom they answer, where those are several.
    """
    more = {"correlation_ids": list(correlation_ids)} if len(correlation_ids) > 1 else {}
    _tell("event recorded", events, **more)


def published(events: Sequence[Mapping[str, Any]]) -> None:
    """Tells of events that Redis has taken."""
    _tell("event published", events)


def _tell(what: str, events: Sequence[Mapping[str, Any]], **more: object) -> None:
    if len(events) <= ONE_BY_ONE:
        for each in events:
            log.info(what, event_name=each["event"], **_ids_of(each), **more)
        return
    for (event_name, correlation_id), group in _by_asker(events).items():
        log.info(
            what,
            event_name=event_name,
            correlation_id=correlation_id,
            command_ids=list(dict.fromkeys(one for each in group for one in each.get("command_ids", ()))),
            events=len(group),
            **more,
        )


def _ids_of(event: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: event[key] for key in _IDS if event.get(key)}
    return {**found, "date": str(found["date"])} if "date" in found else found


def _by_asker(events: Iterable[Mapping[str, Any]]) -> dict[tuple[Any, Any], list[Mapping[str, Any]]]:
    groups: dict[tuple[Any, Any], list[Mapping[str, Any]]] = {}
    for each in events:
        groups.setdefault((each["event"], each.get("correlation_id")), []).append(each)
    return groups
