"""A tick may die at any call to Redis, before it or after it, and nothing is lost or done twice."""

import datetime as dt

import pytest
import redis

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.requests.following import RunStatus
from tg_fetcher_dagster_tests.requests.world import NAME, World


class Dying(redis.Redis):
    """A client that dies once, at its call number `at`."""

    at = -1
    after = False
    calls = 0
    died = False

    def execute_command(self, *args, **options):
        Dying.calls += 1
        dies = not Dying.died and Dying.calls == Dying.at
        if dies:
            Dying.died = True
        if dies and not Dying.after:
            raise redis.ConnectionError("died before")
        answer = super().execute_command(*args, **options)
        if dies:
            raise redis.ConnectionError("died after")
        return answer


def live_through(world, dying):
    """Ticks until nothing is left; the world answers whatever a tick asks for."""
    world.knows("ru_python")
    world.push(mode="range", command_id="a", **{"from": "2025-11-01", "to": "2025-11-03"})
    world.push(date="2025-11-04", command_id="b")
    world.push(date="2025-11-04", command_id="b")
    world.client.rpush(NAME, b"no json")
    world.client.rpush(NAME, b"no json")
    world.push("@new_chat", date="2025-11-01", command_id="c")
    world.push("@nobody_here", date="2025-11-01", command_id="d")
    world.push(mode="range", limit=5, command_id="e", **{"from": "2024-12-31", "to": "2025-01-01"})
    started = []
    for _ in range(60):
        try:
            result = world.tick(dying)
        except FetchError as error:
            assert error.error_type is ErrorType.NETWORK  # noqa: PT017 - the death that was ordered
            continue
        for request in result.resolve:
            world.resolves(request, known=("new_chat",), error=FetchError(ErrorType.NOT_FOUND, "nobody"))
        for batch in result.start:
            started.append((batch.run_key.rpartition("-")[2], batch.chat_key, batch.first, batch.last))
            first = batch.attempt == 1 and batch.limit is None
            without = {dt.date(2025, 11, 3)} if first else ()
            status = RunStatus.FAILED if set(batch.days) & set(without) else RunStatus.SUCCEEDED
            failing = {dt.date(2025, 11, 1)} if batch.chat_key == "ru_python" else ()
            world.ends(batch, status, failing=failing, without=without)
        if world.is_empty():
            break
    assert world.is_empty()
    dead = sorted(
        (letter.get("command_id"), letter["error_type"], letter["error"]) for letter in _known(world)
    )
    told = {(f.chat, f.day, f.error.message) for f in world.failures}
    return started, dead, told


def _known(world):
    return [{**letter, "command_id": str(letter.get("command_id"))} for letter in world.dead_letters()]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_dying_at_any_call_changes_nothing_in_the_end(tmp_path, redis_url, redis_client, after):
    with Dying.from_url(redis_url) as dying:
        redis_client.script_flush()
        Dying.at, Dying.calls = -1, 0
        undisturbed = live_through(World(tmp_path / "0", redis_client), dying)
        calls = Dying.calls
        started, dead, told = undisturbed
        assert ("2", "ru_python", dt.date(2025, 11, 3), dt.date(2025, 11, 3)) in started
        assert [letter[0] for letter in dead] == ["None", "None", "a", "d"]
        assert len(told) == 3
        for number in range(1, calls + 1):
            redis_client.flushdb()
            redis_client.script_flush()
            Dying.at, Dying.after, Dying.calls, Dying.died = number, after, 0, False
            assert live_through(World(tmp_path / str(number), redis_client), dying) == undisturbed, number
            assert Dying.died
