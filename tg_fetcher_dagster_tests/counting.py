"""Every packet is counted: what the lines say that they sent is what the sandboxes say that they heard.

And time that passes without anybody waiting for it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tg_fetcher_dagster.accounts.pacing import Timing
from tg_fetcher_dagster.telegram import opening
from tg_fetcher_dagster.telegram.requests import RequestLine
from tg_fetcher_sandbox import background
from tg_fetcher_sandbox.background import RunningSandbox

_INSTANT = 0.001

BEGAN = 1_762_516_800.0
"""Noon of 2025-11-07."""


@dataclass
class Counted:
    """What was sent and what was heard in one test.

    Attributes:
        unheard: requests that may have left and met a server that had just ended; a test that ends the
            server says how many.
    """

    sandboxes: list[RunningSandbox] = field(default_factory=list)
    lines: list[RequestLine] = field(default_factory=list)
    forgotten: Counter[str] = field(default_factory=Counter)
    unheard: int = 0

    @property
    def sent(self) -> Counter[str]:
        return sum((line.requests_by_method for line in self.lines), Counter())

    @property
    def heard(self) -> Counter[str]:
        told = Counter(record["method"] for sandbox in self.sandboxes for record in sandbox.requests)
        return told + self.forgotten

    def check(self) -> None:
        """Fails where a request was sent past the count, or counted and not sent."""
        sent, heard = self.sent, self.heard
        assert not heard - sent, f"sent past the count: {heard - sent}"
        assert (sent - heard).total() <= self.unheard, f"counted and not heard: {sent - heard}"


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    """Compares both sides' counts when the test is over."""
    both = Counted()

    class NotedSandbox(RunningSandbox):
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            both.sandboxes.append(self)

        def clear_requests(self) -> None:
            both.forgotten.update(record["method"] for record in self.requests)
            super().clear_requests()

    class NotedLine(RequestLine):
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            both.lines.append(self)

    monkeypatch.setattr(background, "RunningSandbox", NotedSandbox)
    monkeypatch.setattr(opening, "RequestLine", NotedLine)
    yield both
    both.check()


class PassingTime:
    """A clock that only sleeping moves.

    Attributes:
        slept: how long, in order, without the instants of a fast pace.
    """

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._began = BEGAN
        self._passed = 0.0

    async def sleep(self, seconds: float) -> None:
        if seconds > _INSTANT:
            self.slept.append(seconds)
        self._passed += seconds

    @property
    def timing(self) -> Timing:
        return Timing(
            wall=lambda: self._began + self._passed, monotonic=lambda: self._passed, sleep=self.sleep
        )


@pytest.fixture
def passing_time() -> PassingTime:
    """A clock of the test's own."""
    return PassingTime()
