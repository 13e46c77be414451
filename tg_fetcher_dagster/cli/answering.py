"""Several questions at once, each to a source that may hang."""

import threading
import time
from collections.abc import Callable, Mapping
from contextvars import copy_context
from typing import Any

from tg_fetcher_dagster.errors import ErrorType, FetchError

Hanging = dict[str, threading.Thread]
"""Those that have not answered yet, by the source: none is asked again before it has."""


def answers_within(
    seconds: float,
    questions: Mapping[str, Callable[[], Any]],
    *,
    longer: Mapping[str, float] | None = None,
    hanging: Hanging | None = None,
) -> dict[str, Any]:
    """Asks all at once and returns what each answered in time, a `FetchError` where it failed.

    A source that hangs (a database or a disk of another host) holds up neither the others nor the end of
    this process.

    Args:
        seconds: how long to wait for all together.
        questions: by the source.
        longer: seconds for those that are waited for longer.
        hanging: who has not answered an earlier call; is brought up to date.
    """
    answers: dict[str, Any] = {}

    def ask(name: str, question: Callable[[], Any]) -> None:
        try:
            answers[name] = question()
        except Exception as error:  # noqa: BLE001 - raised again below, in the thread that waits
            answers[name] = error

    hanging = {} if hanging is None else hanging
    asked = {
        name: threading.Thread(target=copy_context().run, args=(ask, name, question), name=name, daemon=True)
        for name, question in questions.items()
        if name not in hanging or not hanging[name].is_alive()
    }
    patience = {**dict.fromkeys(questions, seconds), **(longer or {})}
    began = time.monotonic()
    for thread in asked.values():
        thread.start()
    for name, thread in asked.items():
        thread.join(max(0.0, began + patience[name] - time.monotonic()))
    hanging |= asked
    heard = dict(answers)
    for answer in heard.values():
        if isinstance(answer, Exception) and not isinstance(answer, FetchError):
            raise answer
    silent = {
        name: FetchError(ErrorType.NETWORK, f"{name}: no answer within {patience[name]:g} s")
        for name in questions.keys() - heard.keys()
    }
    return {**heard, **silent}
