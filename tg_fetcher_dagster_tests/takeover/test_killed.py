"""A takeover that is killed at any step and begun again comes to the same."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
import sqlalchemy as sa

from tg_fetcher_dagster.ledger import tables
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.takeover.everything import take_over
from tg_fetcher_dagster.takeover.redis_journal import RedisJournal
from tg_fetcher_dagster_tests.takeover.conftest import Before, unpacked

NOT_COMPARED = {"updated_at", "seq"}


class Killed(BaseException):
    """The process is gone."""


class Steps:
    """Counts the steps, and is killed at one of them."""

    def __init__(self, last: int | None) -> None:
        self.last = last
        self.taken = 0

    def step(self) -> None:
        if self.taken == self.last:
            raise Killed
        self.taken += 1


@contextmanager
def steps(monkeypatch: pytest.MonkeyPatch, last: int | None) -> Iterator[Steps]:
    """Each rename, each transaction and each step in Redis counts twice: before it and after it."""
    counted = Steps(last)
    replace, write, put_aside = Path.replace, Ledger.write, RedisJournal.put_aside

    def counted_replace(path: Path, target: Path) -> Path:
        counted.step()
        made = replace(path, target)
        counted.step()
        return made

    @contextmanager
    def counted_write(ledger: Ledger) -> Iterator[sa.Connection]:
        with write(ledger) as connection:
            yield connection
            counted.step()
        counted.step()

    def counted_put_aside(journal: RedisJournal) -> None:
        counted.step()
        put_aside(journal)
        counted.step()

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", counted_replace)
        patch.setattr(Ledger, "write", counted_write)
        patch.setattr(RedisJournal, "put_aside", counted_put_aside)
        yield counted


def state(before: Before, client: redis.Redis) -> dict[str, object]:
    """All that there is afterwards."""
    with before.ledger() as ledger, ledger.read() as connection:
        found: dict[str, object] = {
            table.name: [
                {name: value for name, value in row.items() if name not in NOT_COMPARED}
                for row in connection.execute(
                    sa.select(table).order_by(*(["seq"] if "seq" in table.c else table.primary_key.columns))
                ).mappings()
                if row.get("name") != "chats_version"  # another one after each change of a chat
            ]
            for table in tables.metadata.sorted_tables
        }
    found["files"] = {
        str(path.relative_to(before.data.parent)): path.read_bytes()
        for path in before.data.parent.rglob("*")
        if path.is_file() and not path.name.endswith(".lock")
    }
    found["redis"] = sorted(client.keys())
    return found


def test_killed_at_every_step_and_run_again_it_comes_to_the_same(
    tmp_path: Path,
    new_ledger: Callable[[], str],
    redis_client: redis.Redis,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def old(name: str) -> Before:
        return unpacked(tmp_path / name, new_ledger(), redis_client, redis_url)

    whole = old("whole")
    with steps(monkeypatch, None) as counted:
        take_over(whole.settings, whole.ledger)
    wanted = state(whole, redis_client)
    assert counted.taken > 40
    for last in range(counted.taken):
        before = old(f"killed-{last}")
        with steps(monkeypatch, last), pytest.raises(Killed):
            take_over(before.settings, before.ledger)
        take_over(before.settings, before.ledger)
        found = state(before, redis_client)
        for part, content in wanted.items():
            assert found[part] == content, f"killed at step {last}: {part}"
