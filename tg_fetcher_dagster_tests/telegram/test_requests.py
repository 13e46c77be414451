"""A request's way to Telegram, with floods and failures in an order that a server seldom gives."""

from pathlib import Path
from typing import Any

import pytest
from telethon import errors as telethon_errors
from telethon.tl import functions

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.telegram.pacing import FloodDeadlines, Pace
from tg_fetcher_dagster.telegram.requests import RequestLine


class Answering:
    """Stands for a connected client that raises or gives one thing after the other."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)

    async def __call__(self, _request: Any) -> Any:
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def is_connected(self) -> bool:
        return True


def line_to(folder: Path, *answers: Any, now: list[float], flood_wait_in_run: float = 60) -> RequestLine:
    """A line over a time that passes only when somebody sleeps."""

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    return RequestLine(
        Answering(*answers),
        account="main",
        pace=Pace(1000, clock=lambda: now[0], sleep=sleep),
        floods=FloodDeadlines(folder / "floods.json", clock=lambda: now[0], jitter=lambda _low, _high: 0.0),
        flood_wait_in_run=flood_wait_in_run,
        quarantine=lambda _reason: None,
        sleep=sleep,
    )


async def test_floods_that_were_waited_out_use_up_no_try_of_a_failing_server(tmp_path: Path) -> None:
    now = [0.0]
    flood = telethon_errors.FloodWaitError(request=None, capture=5)
    trouble = telethon_errors.ServerError(None, "RPC_CALL_FAIL", 500)
    send = line_to(tmp_path, flood, flood, trouble, flood, trouble, "the answer", now=now)
    assert await send(functions.help.GetConfigRequest(), about="Telegram") == "the answer"
    assert send.requests_made == 6
    assert now[0] >= 15


async def test_flood_waits_that_follow_each_other_do_not_hang_the_run(tmp_path: Path) -> None:
    now = [0.0]
    flood = telethon_errors.FloodWaitError(request=None, capture=10)
    send = line_to(tmp_path, *[flood] * 9, now=now, flood_wait_in_run=25)
    with pytest.raises(FetchError, match=r"asks to wait 10 s before help\.getConfig") as failure:
        await send(functions.help.GetConfigRequest(), about="Telegram")
    assert failure.value.error_type is ErrorType.RATE_LIMIT
    assert (send.requests_made, now[0]) == (3, 20)
