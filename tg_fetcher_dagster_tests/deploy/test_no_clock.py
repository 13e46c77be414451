"""No test waits for a time to pass, and none compares how long something took."""

from pathlib import Path

import pytest

from tg_fetcher_dagster_tests.no_clock import clocks_in

TESTS = Path(__file__).parents[1]

ALLOWED = {
    ("waiting.py", "time.monotonic"): "ends a test that has failed",
    ("waiting.py", "time.sleep"): "rests between two looks, so that what is waited for has the processor",
    ("chaos/pace.py", "time.time"): "a fault comes at a moment, and what Redis lost is a stretch of time",
    ("chaos/pace.py", "time.sleep"): "leaves the processor to the deployment until the next fault",
    (
        "deploy/test_panels_show.py",
        "time.time",
    ): "what is promised is an alert within two minutes",
    ("load/__main__.py", "time.time"): "the figures of `make load`, which is no test",
    ("load/__main__.py", "time.perf_counter"): "the figures of `make load`, which is no test",
    ("load/pressure.py", "time.monotonic"): "the deadline that a tick of the sensor has",
    ("load/pressure.py", "time.perf_counter"): "the figures of `make load`; no test looks at them",
}
"""Where the clock may be looked at all the same, and why."""


def test_no_test_depends_on_how_fast_the_machine_is():
    found = [
        (path.relative_to(TESTS).as_posix(), line, what)
        for path in sorted(TESTS.rglob("*.py"))
        for line, what in clocks_in(path.read_text(encoding="utf-8"))
    ]
    told = [f"{path}:{line}: {what}" for path, line, what in found if (path, what) not in ALLOWED]
    assert not told, (
        f"{told}: pass time in or freeze it; show an order of events or a count; wait with waiting.until, or"
        " with waiting.PATIENCE as the limit"
    )
    assert ALLOWED.keys() == {(path, what) for path, _, what in found}, "an exception that nobody needs"


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("time.sleep(0.1)", "time.sleep"),
        ("assert time.perf_counter() - began < 2", "time.perf_counter"),
        ("from time import monotonic", "from time import monotonic"),
        ("await asyncio.sleep(0.1)", "asyncio.sleep"),
        ("await asyncio.sleep(seconds)", "asyncio.sleep"),
        ("await asyncio.wait_for(work, 1)", "wait_for()"),
        ("async with asyncio.timeout(5): pass", "timeout()"),
        ("await asyncio.wait([work], timeout=0.2)", "wait(timeout=)"),
        ("child.communicate(timeout=20)", "communicate(timeout=)"),
        ("assert child.wait(10) == 0", "wait()"),
        ("thread.join(5)", "join()"),
        ("select.select([terminal], [], [], 0.1)", "select()"),
        ("@settings(deadline=200)\ndef test(): pass", "settings(deadline=)"),
    ],
)
def test_what_depends_on_the_machines_time_is_found(source, what):
    wrapped = f"async def test():\n    {source}" if source.startswith(("await", "async")) else source
    assert [name for _, name in clocks_in(wrapped)] == [what]


@pytest.mark.parametrize(
    "source",
    [
        "asyncio.sleep(0)",
        "child.wait(PATIENCE)",
        "child.wait(timeout=60)",
        "event.wait()",
        "', '.join(names)",
        "monkeypatch.setattr(time, 'time_ns', lambda: 5)",
        "clock.sleep(5)",
        "settings(deadline=None)",
        "time_machine.travel(now)",
    ],
)
def test_what_does_not_is_left_alone(source):
    assert clocks_in(source) == []
