"""Which users and chats of a page a day needs, where one page spans several days. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any

from tg_fetcher_dagster.telegram.records import Record


def _ids(value: Any) -> Iterable[int]:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        for item in value.values():
            yield from _ids(item)
    elif isinstance(value, list):
        for item in value:
            yield from _ids(item)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield value


def mentioned(
    messages: Sequence[Record], users: Sequence[Record], chats: Sequence[Record]
) -> tuple[list[Record], list[Record]]:
    """Returns the users and chats whose id stands anywhere in the messages, and the account's own user.

    Messages of a private chat do not name the account that wrote them.
    A number that only looks like an id keeps an entity too many, which does no harm; a field of a newer
    layer can never cost one.
    """
    numbers = {number for message in messages for number in _ids(message.value)}
    return (
        [user for user in users if user.id in numbers or user.is_self],
        [chat for chat in chats if chat.id in numbers],
    )
