"""One process at a time uses a session."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tg_fetcher_dagster.accounts.lease import account_lease
from tg_fetcher_dagster.errors import ErrorType, FetchError, waits
from tg_fetcher_dagster_tests.waiting import PATIENCE

HOLDER = """
import asyncio, sys
from pathlib import Path
from tg_fetcher_dagster.accounts.lease import account_lease

async def hold() -> None:
    async with account_lease(Path(sys.argv[1]), "main"):
        print("held", flush=True)
        await asyncio.Event().wait()

asyncio.run(hold())
"""


async def test_a_second_process_is_told_who_uses_the_account(tmp_path: Path) -> None:
    with subprocess.Popen(  # noqa: ASYNC220 - it starts before anything else runs
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"

            with pytest.raises(FetchError, match=f"main is in use by process {other.pid}") as failure:
                async with account_lease(tmp_path, "main", wait=0):
                    pytest.fail("two processes hold one account")
            assert failure.value.error_type is ErrorType.ACCOUNT_BUSY
            assert waits(failure.value.error_type)
            assert failure.value.retryable
        finally:
            os.kill(other.pid, signal.SIGKILL)

    async with account_lease(tmp_path, "main", wait=PATIENCE):
        pass  # the operating system gave it back at the kill


async def test_the_same_process_is_excluded_too_and_waits_its_turn(tmp_path: Path) -> None:
    order = []

    async def work(name: str) -> None:
        async with account_lease(tmp_path, "main", wait=PATIENCE):
            order.append(f"{name} in")
            await asyncio.sleep(0)
            order.append(f"{name} out")

    await asyncio.gather(work("a"), work("b"))

    assert order in (["a in", "a out", "b in", "b out"], ["b in", "b out", "a in", "a out"])


async def test_other_accounts_are_free(tmp_path: Path) -> None:
    async with account_lease(tmp_path, "main", wait=0), account_lease(tmp_path, "second", wait=0):
        pass


async def test_a_failure_inside_gives_the_account_back(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        async with account_lease(tmp_path, "main", wait=0):
            raise RuntimeError

    async with account_lease(tmp_path, "main", wait=0):
        pass
