"""What each check of a day found, in numbers and in a sentence. Pure.

A check that only says that it passed cannot be told from one that looked at nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tg_fetcher_dagster.requests.wording import counted
from tg_fetcher_dagster.storage.candidates import Candidate
from tg_fetcher_dagster.storage.coverage import Coverage
from tg_fetcher_dagster.storage.day_file_check import Findings

Numbers = Mapping[str, int | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What a check found.

    Attributes:
        said: a sentence.
        numbers: `expected` and `found` of what is compared, and what else was counted.
        faults: what is wrong, a line each; none where the check has passed.
    """

    said: str
    numbers: Numbers = field(default_factory=dict)
    faults: Sequence[str] = ()


def schema_result(found: Findings, coverage: Coverage) -> CheckResult:
    """Whether each line of the file is a message, and whether they are as many as the record says."""
    faults = list(found.schema)
    if found.lines != coverage.message_count:
        faults.append(
            f"{found.key}: the file has {found.lines} messages, its record says {coverage.message_count}"
        )
    read = f"{found.messages} of {_messages(coverage.message_count)}"
    said = f"{read} read as schema {coverage.schema_version} says"
    return CheckResult(
        said=_with_faults(said, faults),
        numbers={"expected": coverage.message_count, "found": found.messages},
        faults=faults,
    )


def ids_result(found: Findings, coverage: Coverage) -> CheckResult:
    """Whether no id stands twice and none is of another day."""
    if found.oldest_id is None or found.newest_id is None:
        return CheckResult(
            said=_with_faults("no message, so no id", found.ids),
            numbers={"expected": coverage.message_count, "found": 0, "ids_without_a_message": 0},
            faults=found.ids,
        )
    holes = found.newest_id - found.oldest_id + 1 - found.distinct
    between = (
        "without a hole" if not holes else f"and {holes} ids between that are no message of the chat now"
    )
    return CheckResult(
        said=_with_faults(
            f"{_messages(found.messages)}, ids {found.oldest_id}..{found.newest_id} {between}", found.ids
        ),
        numbers={
            "expected": coverage.message_count,
            "found": found.distinct,
            "oldest_id": found.oldest_id,
            "newest_id": found.newest_id,
            "ids_without_a_message": holes,
        },
        faults=found.ids,
    )


def references_result(found: Findings) -> CheckResult:
    """Whether each sender has a name and each reply answers an older message."""
    said = f"{counted(found.senders, 'sender')} with a name, {counted(found.replies, 'reply', 'replies')}"
    return CheckResult(
        said=_with_faults(f"{said} to older messages", found.references),
        numbers={"senders": found.senders, "replies": found.replies},
        faults=found.references,
    )


def deletion_result(key: str, candidate: Candidate | None, *, doubt: str | None = None) -> CheckResult:
    """Whether a reading that lacks many messages of the kept day waits to be confirmed.

    Args:
        key: the day's partition.
        candidate: that reading; None where there is none, or where it is damaged.
        doubt: why the day has failed by it.
    """
    if candidate is None and doubt is not None:
        return CheckResult(said=doubt, faults=[f"{key}: {doubt}"])
    if candidate is None:
        return CheckResult(said="no reading waits to be confirmed", numbers={"messages_gone": 0})
    chat, _, day = key.rpartition("|")
    gone = f"{candidate.vanished} of {candidate.kept} messages are gone from the reading"
    said = f"{gone} of {candidate.fetched_at:%Y-%m-%d %H:%M} UTC; the earlier file stays"
    return CheckResult(
        said=f"{said}. What to do: tg-fetcher accept {chat} {day} if that is right, or a reading a day later",
        numbers={"expected": candidate.kept, "found": candidate.found, "messages_gone": candidate.vanished},
        faults=[f"{key}: {gone}"],
    )


def missing_result(key: str, coverage: Coverage) -> CheckResult:
    """Whether anything of the day is known to be missing."""
    faults = [f"{key}: {loss.what}: {loss.why}" for loss in coverage.lost]
    has = f"{_messages(coverage.message_count)} and {counted(coverage.comment_count, 'comment')}"
    return CheckResult(
        said=f"{has}; {len(faults)} parts are known to be missing"
        if faults
        else f"{has}; nothing is missing",
        numbers={
            "messages": coverage.message_count,
            "comments": coverage.comment_count,
            "messages_missing": sum(loss.count or 0 for loss in coverage.lost),
        },
        faults=faults,
    )


def _with_faults(said: str, faults: Sequence[str]) -> str:
    return f"{said}; {counted(len(faults), 'fault')}, the first: {faults[0]}" if faults else said


def _messages(count: int) -> str:
    return counted(count, "message")
