"""The origin of a forwarded message: it is named, or only its name is, or neither."""

from typing import Any

from tg_fetcher_dagster.messages.peers import Names, RawRecord, marked_id
from tg_fetcher_dagster.messages.times import timestamp


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
    return forward
