"""To-do lists: what is to be done, and who has done which and when."""

from collections.abc import Iterable
from typing import Any

from tg_fetcher_dagster.messages.formatting import TextWithEntities, add_text, text_of
from tg_fetcher_dagster.messages.own_fields import add_more, own_record, rest, silent
from tg_fetcher_dagster.messages.peers import RawRecord, marked_id
from tg_fetcher_dagster.messages.times import timestamp

_FLAGS = ("others_can_append", "others_can_complete")
_LIST = silent("TodoList", "title", "list", *_FLAGS)
_ITEM = silent("TodoItem", "id", "title")
_DONE = silent("TodoCompletion", "id", "completed_by", "date")


def todo_of(media: RawRecord) -> dict[str, Any]:
    """Returns the `schema.Todo` of a `MessageMediaToDo`."""
    todo = media.get("todo") or {}
    done = {completion.get("id"): completion for completion in media.get("completions") or ()}
    mapped: dict[str, Any] = {}
    add_text(mapped, "title", todo.get("title"))
    mapped["items"] = [_item(item, done.pop(item.get("id"), None)) for item in todo.get("list") or ()]
    for flag in _FLAGS:
        if todo.get(flag):
            mapped[flag] = True
    add_more(mapped, rest(todo, _LIST))
    if done:
        # Of items that are gone from the list: who had done them is still said.
        add_more(mapped, {"completions": [own_record(completion) for completion in done.values()]})
    return mapped


def todo_texts(media: RawRecord) -> Iterable[TextWithEntities]:
    """Returns the texts of a to-do list that may hold links."""
    todo = media.get("todo") or {}
    yield text_of(todo.get("title"))
    for item in todo.get("list") or ():
        yield text_of(item.get("title"))


def _item(item: RawRecord, completion: RawRecord | None) -> dict[str, Any]:
    mapped: dict[str, Any] = {"id": item.get("id")}
    add_text(mapped, "text", item.get("title"))
    add_more(mapped, rest(item, _ITEM))
    if completion is not None:
        mapped["completed_by"] = marked_id(completion.get("completed_by"))
        mapped["completed_at"] = timestamp(completion.get("date"))
        add_more(mapped, rest(completion, _DONE))
    return mapped
