"""The origin of a message that was forwarded or is replied to elsewhere: named, only its name, or neither."""

from typing import Any

from tg_fetcher_dagster.messages.own_fields import add_more, rest, silent
from tg_fetcher_dagster.messages.peers import Names, RawRecord, marked_id
from tg_fetcher_dagster.messages.times import timestamp

_QUIET = silent(
    "MessageFwdHeader", "from_id", "from_name", "date", "channel_post", "post_author", "saved_from_peer",
    "saved_from_msg_id", "imported", "saved_from_id", "saved_from_name", "saved_date",
)  # fmt: skip


def forward_of(header: RawRecord, names: Names) -> dict[str, Any]:
    """Returns a `schema.Forward`; the origin's title comes from the page that brought the message."""
    from_id = marked_id(header.get("from_id"))
    forward: dict[str, Any] = {
        "from_id": from_id,
        "from_name": names.find(from_id) or header.get("from_name"),
        "date": timestamp(header.get("date")),
    }
    for key in ("channel_post", "post_author"):
        if header.get(key) is not None:
            forward[key] = header[key]
    saved_from = marked_id(header.get("saved_from_peer"))
    if saved_from is not None:
        forward["saved_from_peer_id"] = saved_from
    if header.get("saved_from_msg_id") is not None:
        forward["saved_from_msg_id"] = header["saved_from_msg_id"]
    if header.get("imported"):
        forward["imported"] = True
    if header.get("saved_from_id") or header.get("saved_from_name") or header.get("saved_date"):
        _add_saved(forward, header, names)
    add_more(forward, rest(header, _QUIET))
    return forward


def _add_saved(forward: dict[str, Any], header: RawRecord, names: Names) -> None:
    saved_id = marked_id(header.get("saved_from_id"))
    saved = {
        "saved_from_id": saved_id,
        "saved_from_name": names.find(saved_id) or header.get("saved_from_name"),
        "saved_date": timestamp(header.get("saved_date")),
    }
    forward.update((key, value) for key, value in saved.items() if value is not None)
