"""Polls and quizzes with what can be seen of their results: not told is null, which is not 0."""

from typing import Any

from tg_fetcher_dagster.messages.peers import RawRecord


def _text(value: RawRecord | str | None) -> str:
    """Layers before 178 sent plain texts, later ones a text with entities."""
    if isinstance(value, dict):
        return value.get("text") or ""
    return value or ""


def poll_of(media: RawRecord) -> dict[str, Any]:
    """Returns the `schema.Poll` of a `MessageMediaPoll`."""
    poll, results = media.get("poll") or {}, media.get("results") or {}
    told = {result.get("option"): result for result in results.get("results") or ()}
    answers = []
    for raw in poll.get("answers") or ():
        option = raw.get("option")
        result = told.get(option) or {}
        answer = {"text": _text(raw.get("text")), "option": option, "voters": result.get("voters")}
        if result.get("correct"):
            answer["correct"] = True
        answers.append(answer)
    poll_id = poll.get("id")
    mapped: dict[str, Any] = {
        "id": None if poll_id is None else str(poll_id),
        "question": _text(poll.get("question")),
        "answers": answers,
        "total_voters": results.get("total_voters"),
    }
    for flag in ("closed", "quiz", "multiple_choice", "public_voters"):
        if poll.get(flag):
            mapped[flag] = True
    return mapped
