"""What becomes of a day whose files were damaged: found, mended from its raw file, or read again."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from tg_fetcher_dagster.errors import ErrorType
from tg_fetcher_dagster.fetching.verifying import verify_day
from tg_fetcher_dagster.storage.coverage import Coverage
from tg_fetcher_dagster.storage.damage import Part
from tg_fetcher_dagster.storage.paths import DayPaths
from tg_fetcher_dagster.storage.raw_file import RawFileError, RawWriter, read_raw
from tg_fetcher_dagster_tests.fetching.reading import Fetching

Start = Callable[..., Fetching]
DAY = date(2025, 11, 6)

WORLD: dict[str, Any] = {
    "seed": 19,
    "days": {"from": "2025-11-05", "to": "2025-11-07"},
    "accounts": [{"name": "main", "phone": "+15550001001"}],
    "chats": {
        "busy": {"type": "supergroup", "username": "hurt_busy", "messages_per_day": 25, "members": 5},
        "news": {
            "type": "channel",
            "username": "hurt_news",
            "messages_per_day": 6,
            "comments": {"share": 1.0, "most": 3},
            "discussion": {"title": "Talk", "messages_per_day": 1},
        },
    },
}


def flip(path: Path, at: float = 0.5) -> None:
    """Flips one bit, somewhere in the file."""
    body = bytearray(path.read_bytes())
    body[int(len(body) * at)] ^= 1
    path.write_bytes(body)


def cut(path: Path, by: int = 7) -> None:
    path.write_bytes(path.read_bytes()[:-by])


def derived(paths: DayPaths) -> tuple[Path, ...]:
    return (paths.day_file, paths.summary, paths.threads, paths.participants)


def unlink(*paths: Path) -> None:
    for path in paths:
        path.unlink()


def contents(paths: DayPaths) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in derived(paths)}


def facts(coverage: Coverage | None) -> Mapping[str, Any]:
    """What a record proves, without what became of it."""
    assert coverage is not None
    return coverage.model_dump(exclude={"outcome", "event_request", "changes", "needs_read"})


def found(telegram: Fetching, key: str, scratch: Path) -> dict[Part, str]:
    """What verifying says of the day."""
    damages = verify_day(key, DAY, telegram.context, scratch=scratch)
    return {damage.part: damage.why for damage in damages}


Damage = Callable[[Fetching, DayPaths], Any]
OF_FILES: dict[str, Damage] = {
    "day file gone": lambda _, paths: unlink(paths.day_file),
    "day file cut": lambda _, paths: cut(paths.day_file),
    "summary gone": lambda _, paths: unlink(paths.summary),
    "threads gone": lambda _, paths: unlink(paths.threads),
    "participants cut": lambda _, paths: cut(paths.participants),
    "all derived files gone": lambda _, paths: unlink(*derived(paths)),
}
OF_THE_RECORD: dict[str, Damage] = {
    "record gone": lambda telegram, paths: telegram.lose_record(paths),
    "record torn": lambda telegram, paths: telegram.damage_record(paths, '{"chat": "hurt'),
    "all but the raw file gone": lambda telegram, paths: (
        [unlink(*derived(paths)), telegram.lose_record(paths)]
    ),
}
SEEN = {**OF_FILES, **OF_THE_RECORD}
OF_THE_RAW_FILE: dict[str, Damage] = {
    "raw file gone": lambda _, paths: unlink(paths.raw),
    "raw file cut": lambda _, paths: cut(paths.raw),
    "raw file's last byte gone": lambda _, paths: cut(paths.raw, 1),
}
UNSEEN: dict[str, Damage] = {
    "byte flipped in the day file": lambda _, paths: flip(paths.day_file),
    "byte flipped in the summary": lambda _, paths: flip(paths.summary),
    "byte flipped in the threads": lambda _, paths: flip(paths.threads, 0.9),
}


def named(damages: Mapping[str, Damage]) -> Any:
    return pytest.mark.parametrize("damage", damages.values(), ids=damages.keys())


async def fetched(start: Start, name: str = "hurt_busy") -> tuple[Fetching, str, DayPaths]:
    """A day that was read and is whole."""
    telegram = start(WORLD)
    key = await telegram.resolve(name)
    await telegram.fetch(key, [DAY])
    assert telegram.done(key) == {DAY}
    telegram.sandbox.clear_requests()
    return telegram, key, telegram.paths(key, DAY)


@pytest.mark.parametrize("name", ["hurt_busy", "hurt_news"])
@named(SEEN)
async def test_a_fetch_makes_a_damaged_day_whole_again_without_a_request(
    fetching: Start, damage: Damage, name: str
) -> None:
    telegram, key, paths = await fetched(fetching, name)
    before, proved = contents(paths), facts(telegram.proved(paths))
    damage(telegram, paths)
    assert not telegram.is_complete(paths)

    await telegram.fetch(key, [DAY], request_id="fetch-2")

    assert telegram.sandbox.requests == []
    assert contents(paths) == before
    assert facts(telegram.proved(paths)) == proved
    assert telegram.is_complete(paths)
    assert telegram.done(key) == {DAY}


@named(OF_FILES)
async def test_consumers_are_not_told_again_of_what_they_know(fetching: Start, damage: Damage) -> None:
    telegram, key, paths = await fetched(fetching)
    damage(telegram, paths)

    [report] = await telegram.fetch(key, [DAY], request_id="fetch-2")

    assert report.outcome == "skipped"
    first, second = telegram.told()
    assert (second["event"], second["reason"]) == ("fetch_skipped", "complete")
    assert second["checksum_expected"] == second["checksum_actual"] == first["checksum_sha256"]


@named(OF_THE_RECORD)
async def test_where_nobody_knows_what_was_told_it_is_told_again(fetching: Start, damage: Damage) -> None:
    telegram, key, paths = await fetched(fetching)
    damage(telegram, paths)

    [report] = await telegram.fetch(key, [DAY], request_id="fetch-2")

    assert report.outcome == "fetched"
    first, second = telegram.told()
    assert second["event"] == "messages_fetched"
    assert second["checksum_sha256"] == first["checksum_sha256"]
    assert (await telegram.fetch(key, [DAY], request_id="fetch-2"))[0].outcome == "fetched"
    assert len(telegram.told()) == 2


@named(OF_THE_RAW_FILE)
async def test_a_day_without_a_whole_raw_file_is_read_again_and_its_files_stay(
    fetching: Start, damage: Damage
) -> None:
    telegram, key, paths = await fetched(fetching)
    before = contents(paths)
    damage(telegram, paths)

    [report] = await telegram.fetch(key, [DAY], request_id="fetch-2")

    assert telegram.sandbox.count("messages.getHistory") > 0
    assert report.outcome == "unchanged"
    assert contents(paths) == before
    assert [line["kind"] for line in read_raw(paths.raw)][-1] == "end"
    assert telegram.is_complete(paths)


@named(SEEN)
async def test_a_forced_fetch_holds_the_reading_against_the_day_that_was(
    fetching: Start, damage: Damage
) -> None:
    telegram, key, paths = await fetched(fetching)
    gone = telegram.day(key, DAY)["messages"][4]["id"]
    telegram.sandbox.world.delete("busy", gone)
    damage(telegram, paths)

    [report] = await telegram.fetch(key, [DAY], request_id="fetch-2", force=True)

    assert report.coverage is not None
    assert report.coverage.changes is not None
    assert report.coverage.changes.deleted.ids == (gone,)
    assert telegram.told()[-1]["messages_deleted"] == 1
    ends = [each for each in telegram.told() if each["event_id"] == telegram.told()[-1]["event_id"]]
    assert len(ends) == 1
    assert any(str(gone).encode() in path.read_bytes() for path in paths.versions.glob("*.json"))


@named({**SEEN, **OF_THE_RAW_FILE, **UNSEEN, "byte flipped in the raw file": lambda _, p: flip(p.raw)})
async def test_verifying_names_each_damage_and_changes_nothing(
    fetching: Start, damage: Damage, tmp_path: Path
) -> None:
    telegram, key, paths = await fetched(fetching)
    assert found(telegram, key, tmp_path) == {}
    damage(telegram, paths)
    before = {path: path.read_bytes() for path in telegram.data_dir.rglob("*") if path.is_file()}

    assert found(telegram, key, tmp_path) != {}

    assert {path: path.read_bytes() for path in telegram.data_dir.rglob("*") if path.is_file()} == before
    assert telegram.sandbox.requests == []


@named({**SEEN, **UNSEEN})
async def test_a_rebuild_mends_what_is_damaged_and_says_so(
    fetching: Start, damage: Damage, tmp_path: Path
) -> None:
    telegram, key, paths = await fetched(fetching)
    before, proved = contents(paths), facts(telegram.proved(paths))
    damage(telegram, paths)
    damaged = {part for part in found(telegram, key, tmp_path) if part is not Part.RAW}

    rebuilt = telegram.rebuild(key, DAY)

    assert set(rebuilt.mended) == damaged
    assert contents(paths) == before
    assert facts(telegram.proved(paths)) == proved
    assert found(telegram, key, tmp_path) == {}
    assert telegram.rebuild(key, DAY).mended == ()
    assert telegram.sandbox.requests == []


async def test_a_rebuild_from_a_damaged_raw_file_keeps_the_day_and_has_it_read_again(
    fetching: Start, tmp_path: Path
) -> None:
    telegram, key, paths = await fetched(fetching)
    before = contents(paths)
    flip(paths.raw)

    with pytest.raises(RawFileError, match="is damaged") as caught:
        telegram.rebuild(key, DAY)

    assert caught.value.error_type is ErrorType.STORAGE
    assert contents(paths) == before
    assert telegram.done(key) == set()
    assert "is damaged" in str(telegram.coverage(key, DAY).needs_read)
    assert found(telegram, key, tmp_path).keys() == {Part.RAW}
    [report] = await telegram.fetch(key, [DAY], request_id="fetch-2")
    assert report.outcome == "unchanged"
    assert contents(paths) == before
    assert found(telegram, key, tmp_path) == {}
    assert telegram.done(key) == {DAY}


async def test_a_rebuild_that_changes_a_day_tells_the_checksum_that_the_next_skip_names(
    fetching: Start,
) -> None:
    telegram, key, _ = await fetched(fetching)
    options = replace(telegram.context.options, language=False)

    rebuilt = telegram.rebuild(key, DAY, options=options)

    assert rebuilt.outcome == "changed"
    told = telegram.told()[-1]
    assert (told["event"], told["command_ids"]) == ("messages_fetched", [])
    assert told["checksum_sha256"] == rebuilt.coverage.checksum_sha256
    assert told["messages_edited"] is None, "nobody has edited anything"
    assert told["correlation_id"].startswith("rebuild-")
    await telegram.fetch(key, [DAY], request_id="fetch-2")
    assert telegram.told()[-1]["checksum_actual"] == told["checksum_sha256"]
    telegram.rebuild(key, DAY, options=options)
    assert len(telegram.told()) == 3, "what is the same is not told"


@pytest.mark.parametrize("name", ["hurt_busy", "hurt_news"])
async def test_a_record_is_made_again_from_a_raw_file_of_an_older_version(
    fetching: Start, name: str, tmp_path: Path
) -> None:
    telegram = fetching(WORLD)
    key = await telegram.resolve(name)
    telegram.sandbox.add_fault(method="messages.getReplies", times=1, error="CHANNEL_PRIVATE")
    await telegram.fetch(key, [DAY])
    paths = telegram.paths(key, DAY)
    proved = facts(telegram.proved(paths))
    assert len(proved["lost"]) == (name == "hurt_news")
    lines = list(read_raw(paths.raw))
    del lines[-1]["reading"]
    writer = RawWriter(paths.raw)
    for line in lines:
        writer.write(orjson.dumps(line))
    writer.seal()
    writer.publish()
    assert found(telegram, key, tmp_path).keys() == {Part.RAW}, "only its size is another"
    telegram.lose_record(paths)

    telegram.rebuild(key, DAY)

    again = facts(telegram.proved(paths))
    untold = {"duration_seconds", "edge_messages", "sizes"}
    assert {name for name in proved if proved[name] != again[name]} <= untold


async def test_a_record_of_an_older_version_is_as_good(fetching: Start, tmp_path: Path) -> None:
    telegram, key, paths = await fetched(fetching)
    record = telegram.coverage(key, DAY).model_dump(mode="json")
    for added in ("sizes", "changes", "needs_read"):
        del record[added]
    telegram.damage_record(paths, orjson.dumps(record).decode())

    assert telegram.is_complete(paths)
    assert found(telegram, key, tmp_path) == {}
    assert telegram.rebuild(key, DAY).mended == ()
    coverage = telegram.proved(paths)
    assert coverage is not None
    assert coverage.sizes is not None
    record["size_bytes"] = 1
    telegram.damage_record(paths, orjson.dumps(record).decode())
    assert not telegram.is_complete(paths)


async def test_a_raw_file_of_another_day_is_none_of_this_one(fetching: Start, tmp_path: Path) -> None:
    telegram, key, paths = await fetched(fetching)
    other = telegram.paths(key, date(2025, 11, 5))
    await telegram.fetch(key, [other.day], request_id="fetch-2")
    paths.raw.write_bytes(other.raw.read_bytes())

    assert "2025-11-05" in found(telegram, key, tmp_path)[Part.RAW]
    with pytest.raises(RawFileError, match="is that of hurt_busy 2025-11-05"):
        telegram.rebuild(key, DAY)


async def test_a_raw_file_from_a_backup_never_replaces_a_newer_day(fetching: Start, tmp_path: Path) -> None:
    telegram, key, paths = await fetched(fetching)
    old = paths.raw.read_bytes()
    later = telegram.at(datetime(2025, 12, 2, tzinfo=UTC))
    telegram.sandbox.world.delete("busy", telegram.day(key, DAY)["messages"][0]["id"])
    await later.fetch(key, [DAY], request_id="fetch-2", force=True)
    newer = contents(paths)
    paths.raw.write_bytes(old)
    paths.day_file.unlink()

    with pytest.raises(RawFileError, match="is older than the day that is kept"):
        telegram.rebuild(key, DAY)
    assert found(telegram, key, tmp_path).keys() == {Part.DAY_FILE, Part.RAW}
    await later.fetch(key, [DAY], request_id="fetch-3")

    assert contents(paths) == newer


async def test_settings_that_changed_since_are_named_and_no_damage_is_claimed_of_the_rest(
    fetching: Start, tmp_path: Path
) -> None:
    telegram, key, paths = await fetched(fetching)
    others = telegram.context.settings.model_copy(update={"language_detect_enabled": False})
    changed = replace(telegram.context, settings=others)

    damages = verify_day(key, DAY, changed, scratch=tmp_path)

    assert [str(damage) for damage in damages] == [
        "day file is not what its raw file gives now: tg-fetcher rebuild"
    ]
    coverage = telegram.proved(paths)
    assert coverage is not None
    wrong = coverage.model_copy(update={"message_count": 7, "scanned_newest_id": 9})
    telegram.write_record(wrong)
    assert found(telegram, key, tmp_path) == {
        Part.COVERAGE: "is not what the raw file says: message_count, scanned_newest_id"
    }
    telegram.rebuild(key, DAY, record_from_raw=True)
    assert found(telegram, key, tmp_path) == {}
