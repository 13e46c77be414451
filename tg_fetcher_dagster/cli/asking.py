"""Questions to a person: asked on the terminal, answered there or by whatever feeds standard input."""

import getpass
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.logs.legible import legible


def ask(question: str, *, option: str, default: str | None = None) -> str:
    """Returns the answer; an empty one is the default.

    Args:
        question: what is asked.
        option: how a script gives the answer instead.
        default: None where an answer is needed.

    Raises:
        FetchError: (validation) nobody is there to answer.
    """
    shown = f" [{default}]" if default else ""
    while True:
        answer = _line(f"{question}{shown}: ")
        if answer:
            return answer
        if default is not None:
            return default
        if answer is None:
            raise _nobody(question, option)


def ask_secret(question: str, *, option: str) -> str:
    """Returns an answer that is not echoed.

    Raises:
        FetchError: (validation) nobody is there to answer.
    """
    if not sys.stdin.isatty():
        return ask(question, option=option)
    try:
        with _interruptible():
            return getpass.getpass(f"{question}: ").strip()
    except EOFError:
        raise _nobody(question, option) from None


def confirm(question: str, *, default: bool) -> bool:
    """Returns whether the answer is yes; the default where there is none."""
    answer = _line(f"{question} [{'Y/n' if default else 'y/N'}]: ")
    return answer.lower() in {"y", "yes"} if answer else default


def _line(prompt: str) -> str | None:
    """What was typed, perhaps nothing; None at the end of the input."""
    with _interruptible():
        sys.stderr.write(legible(prompt))
        sys.stderr.flush()
        line = sys.stdin.readline()
    if not line or not sys.stdin.isatty():
        sys.stderr.write("\n")  # what the Enter key shows at a terminal
    if not line:
        return None
    return line.strip()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends a question at once: inside `asyncio.run` it would wait for the answer first."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _nobody(question: str, option: str) -> FetchError:
    return FetchError(ErrorType.VALIDATION, f"nobody answered {question!r}: give {option}")
