"""Polls and quizzes with what can be seen of their results: not told is null, which is not 0."""

from collections.abc import Callable
from typing import Any

from tg_fetcher_dagster.messages.formatting import TextWithEntities, add_text, entities_of, text_of
from tg_fetcher_dagster.messages.own_fields import add_more, own_record, rest, silent
from tg_fetcher_dagster.messages.peers import RawRecord, marked_ids
from tg_fetcher_dagster.messages.times import timestamp

AddMedia = Callable[[dict[str, Any], str, RawRecord | None], None]
"""Puts the description of a medium under a key, where there is one (`media.add_media`)."""

_FLAGS = ("closed", "quiz", "multiple_choice", "public_voters")
_POLL = silent("Poll", "id", "question", "answers", *_FLAGS)
_RESULTS = silent(
    "PollResults",
    "results",
    "total_voters",
    "recent_voters",
    "solution",
    "solution_entities",
    "solution_media",
)
_ANSWER = silent("PollAnswer", "text", "option", "media", "added_by", "date")
_VOTERS = silent("PollAnswerVoters", "option", "correct", "voters", "recent_voters")


def poll_of(media: RawRecord, add_media: AddMedia) -> dict[str, Any]:
    """Returns the `schema.Poll` of a `MessageMediaPoll`."""
    poll, results = media.get("poll") or {}, media.get("results") or {}
    told = {result.get("option"): result for result in results.get("results") or ()}
    answers = [
        _answer(raw, told.pop(raw.get("option"), None), add_media) for raw in poll.get("answers") or ()
    ]
    poll_id = poll.get("id")
    mapped: dict[str, Any] = {"id": None if poll_id is None else str(poll_id)}
    add_text(mapped, "question", poll.get("question"))
    mapped["answers"] = answers
    mapped["total_voters"] = results.get("total_voters")
    for flag in _FLAGS:
        if poll.get(flag):
            mapped[flag] = True
    add_media(mapped, "media", media.get("attached_media"))
    if results.get("recent_voters"):
        mapped["recent_voters"] = marked_ids(results["recent_voters"])
    if results.get("solution"):
        mapped["solution"] = results["solution"]
    if results.get("solution_entities"):
        mapped["solution_entities"] = entities_of(results["solution_entities"])
    add_media(mapped, "solution_media", results.get("solution_media"))
    add_more(mapped, rest(poll, _POLL))
    add_more(mapped, rest(results, _RESULTS))
    if told:
        add_more(mapped, {"results": [own_record(result) for result in told.values()]})
    return mapped


def poll_texts(media: RawRecord) -> list[TextWithEntities]:
    """Returns the texts of a poll that may hold links; no link is without a dot or an entity."""
    poll, results = media.get("poll") or {}, media.get("results") or {}
    texts = [text_of(poll.get("question"))]
    texts += [text_of(answer.get("text")) for answer in poll.get("answers") or ()]
    if results.get("solution"):
        texts.append((results["solution"], results.get("solution_entities") or ()))
    return [text for text in texts if text[1] or "." in text[0]]


def _answer(raw: RawRecord, result: RawRecord | None, add_media: AddMedia) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    add_text(answer, "text", raw.get("text"))
    answer["option"] = raw.get("option")
    answer["voters"] = None
    if result:
        _add_votes(answer, result)
    if raw.get("media"):
        add_media(answer, "media", raw["media"])
    if raw.get("added_by"):
        answer["added_by"] = own_record(raw["added_by"])
    if raw.get("date"):
        answer["date"] = timestamp(raw["date"])
    more = rest(raw, _ANSWER)
    if more:
        add_more(answer, more)
    return answer


def _add_votes(answer: dict[str, Any], result: RawRecord) -> None:
    answer["voters"] = result.get("voters")
    if result.get("correct"):
        answer["correct"] = True
    if result.get("recent_voters"):
        answer["recent_voters"] = marked_ids(result["recent_voters"])
    more = rest(result, _VOTERS)
    if more:
        add_more(answer, more)
