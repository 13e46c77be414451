"""Whether a field of Telegram's is in the day's files: told by changing it, not by reading the mapping."""

from collections import defaultdict

import orjson
from telethon.tl import types

from tg_fetcher_dagster.chats.ids import channel_marked_id
from tg_fetcher_dagster.telegram.records import record_of
from tg_fetcher_dagster_tests.messages.layer import (
    MESSAGES,
    PEOPLE,
    constructors,
    fields,
    filled,
    make,
    reachable,
    two_values,
    wrapped,
)
from tg_fetcher_dagster_tests.messages.raw import CHAT, NOON, assembly

SENDERS = {"User": types.PeerUser, "Chat": types.PeerChat, "Channel": types.PeerChannel}
BESIDE = {
    "Message.edit_hide": {"edit_date": NOON},
    "MessageReplyHeader.forum_topic": {"reply_to_msg_id": 5},
    "PageListItemText.checked": {"checkbox": True},
    "PageListItemBlocks.checked": {"checkbox": True},
    "PageListOrderedItemText.checked": {"checkbox": True},
    "PageListOrderedItemBlocks.checked": {"checkbox": True},
    "PageBlockOrderedList.start": {"items": [make(types.PageListOrderedItemText)]},
    "PageBlockOrderedList.reversed": {"items": [make(types.PageListOrderedItemText) for _ in range(2)]},
}
"""What else a field needs to say anything."""


def day_bytes(root):
    """Returns the files of a day that holds one message, or one message by somebody."""
    day = assembly()
    record = record_of(root).value
    if not isinstance(root, MESSAGES):
        peer = next((peer for name, peer in SENDERS.items() if type(root).__name__.startswith(name)), None)
        day.add_entities(*(([record], []) if peer is types.PeerUser else ([], [record])))
        sender = peer(root.id) if peer else None
        by_it = types.Message(id=1, peer_id=types.PeerChannel(CHAT), date=NOON, message="", from_id=sender)
        record = record_of(by_it).value
    written = day.add_message(record)
    participants = day.participants().model_dump_json(exclude_none=True).encode()
    return b"\n".join((written, orjson.dumps(day.senders), participants))


def shows(file, value):
    """Returns whether a word or a number stands in a file; a number also as a channel's marked id."""
    spellings = [str(value)] if isinstance(value, str) else [str(value), str(channel_marked_id(value))]
    return any(spelling.encode() in file for spelling in spellings)


def survey(left_out):
    """Returns for each field, as `Constructor.field`, at which places the day's files have it.

    Each constructor is put at every place where the layer lets it stand (below one way to there), and each of
    its fields is changed: words and ids must be found, anything else must make another file. What is left out
    is not gone into. A field that holds records is there where one of their fields is.
    """
    seen = defaultdict(dict)
    holds = defaultdict(list)
    ways = reachable(left_out)
    places = [("", [], root) for root in (*MESSAGES, *PEOPLE)]
    for parent, way in ways.items():
        for edge in fields(parent):
            if not edge.is_scalar and edge.name not in left_out.get(parent.__name__, ()):
                place = f"{parent.__name__}.{edge.name}"
                places += [(place, [*way, (parent, edge)], child) for child in constructors(edge.kind)]
    for number, (place, way, constructor) in enumerate(places):
        for field in fields(constructor):
            name = f"{constructor.__name__}.{field.name}"
            if field.is_scalar:
                seen[name][place] = _is_shown(way, constructor, field, 1000 * number + len(seen))
                holds[place].append(seen[name][place])
    for parent in ways:
        for edge in fields(parent):
            if not edge.is_scalar:
                place = f"{parent.__name__}.{edge.name}"
                seen[place][place] = any(holds[place]) or _differ(ways[parent], parent, edge)
    return seen


def _is_shown(way, constructor, field, number):
    first, second = two_values(field, number)
    beside = BESIDE.get(f"{constructor.__name__}.{field.name}", {})
    file = day_bytes(wrapped(way, make(constructor, **{field.name: first, **beside})))
    if field.says_something:
        return shows(file, first[0] if field.many else first)
    return file != day_bytes(wrapped(way, make(constructor, **{field.name: second, **beside})))


def _differ(way, constructor, field):
    """Whether it shows what stands in a field, with all that is below it."""
    files = {day_bytes(wrapped(way, make(constructor)))}
    for child in constructors(field.kind):
        leaf = filled(child, levels=2)
        files.add(day_bytes(wrapped(way, make(constructor, **{field.name: [leaf] if field.many else leaf}))))
    return len(files) > 1
