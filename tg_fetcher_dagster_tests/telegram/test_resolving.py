"""Every spelling of a chat leads to its identity, at the least cost."""

from typing import Any

import pytest
import structlog
from telethon.tl import types

from tg_fetcher_dagster.accounts.store import AccountStore
from tg_fetcher_dagster.chats.identity import UsernameMovedError
from tg_fetcher_dagster.chats.identity_table import IdentityTable
from tg_fetcher_dagster.chats.spelling import parse_spelling
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.open_reader import open_reader
from tg_fetcher_dagster_tests.telegram.conftest import WORLD, day_bounds, methods


def peer_of(sandbox: Any, chat: str) -> int:
    return int(sandbox.world.chats[chat].peer)


def user_of(sandbox: Any, account: str) -> int:
    return int(sandbox.world.account(account).user_id)


@pytest.mark.parametrize(
    "spelling", ["@Daily_News", "daily_news", "https://t.me/Daily_News", "t.me/daily_news"]
)
async def test_a_username_in_any_spelling_is_resolved_once(
    sandbox: Any, settings: Settings, account: AccountStore, spelling: str
) -> None:
    async with open_reader(settings) as reader:
        identity = await reader.resolve(parse_spelling(spelling))

    assert identity.key == "daily_news"
    assert identity.marked_id == peer_of(sandbox, "news")
    assert (identity.type, identity.username) == ("channel", "Daily_News")
    assert identity.linked_chat_id is not None
    assert identity.account == "main"
    assert set(identity.access_hashes) == {str(user_of(sandbox, "main"))}
    assert len(methods(sandbox, "contacts.resolveUsername")) == 1
    assert len(methods(sandbox, "channels.getFullChannel")) == 1


@pytest.mark.parametrize(
    ("chat", "key", "kind"),
    [
        ("hidden", "channel_7002", "channel"),
        ("forum", "channel_7001", "supergroup"),
        ("club", "chat_501", "group"),
        ("friend", "fred_the_friend", "chat"),
    ],
)
async def test_an_id_is_found_among_the_dialogs_and_never_taken_for_a_phone_number(
    sandbox: Any, settings: Settings, account: AccountStore, *, chat: str, key: str, kind: str
) -> None:
    marked_id = peer_of(sandbox, chat)
    bare = str(marked_id).removeprefix("-100").removeprefix("-")
    spellings = {str(marked_id)} if chat == "club" else {str(marked_id), str(int(bare))}
    async with open_reader(settings) as reader:
        found = [await reader.resolve(parse_spelling(spelling)) for spelling in spellings]

    assert {identity.key for identity in found} == {key}
    assert {identity.marked_id for identity in found} == {marked_id}
    assert {identity.type for identity in found} == {kind}
    assert len(methods(sandbox, "messages.getDialogs")) <= 1
    assert not methods(sandbox, "contacts.resolvePhone")
    assert not methods(sandbox, "contacts.resolveUsername")


async def test_what_is_known_is_looked_up_by_its_id_without_the_dialogs(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    async with open_reader(settings) as reader:
        known = await reader.resolve(parse_spelling("channel_7002"))
    before = len(methods(sandbox, "messages.getDialogs"))
    async with open_reader(settings) as reader:
        again = await reader.resolve(parse_spelling("channel_7002"), known)
        assert reader.can_address(known)

    assert again.model_copy(update={"details_seen_at": known.details_seen_at}) == known
    assert len(methods(sandbox, "messages.getDialogs")) == before


async def test_a_renamed_chat_keeps_its_key_and_its_old_name_is_asked_for_once(
    sandbox: Any, settings: Settings, account: AccountStore, ledger: Ledger
) -> None:
    table = IdentityTable(ledger)
    old = parse_spelling("@busy_talk")
    async with open_reader(settings) as reader:
        known = table.record(await reader.resolve(old))
        sandbox.world.rename("talk", "Quiet_Talk")

        again = table.record(await reader.resolve(parse_spelling(str(known.marked_id)), known))
        assert table.find(old) is None
        with pytest.raises(UsernameMovedError, match="@busy_talk: no chat has this name") as failure:
            await reader.resolve(old)
        table.record_failure(old, failure.value, known.added_at)

    assert (again.key, again.username) == ("busy_talk", "Quiet_Talk")
    for spelling in ("@busy_talk", "@quiet_talk", str(known.marked_id)):
        found = table.find(parse_spelling(spelling))
        assert found is not None
        assert found.key == "busy_talk"


async def test_a_username_that_moved_gives_todays_owner_under_a_key_of_its_own(
    sandbox: Any, settings: Settings, account: AccountStore, ledger: Ledger
) -> None:
    table = IdentityTable(ledger)
    spelling = parse_spelling("@busy_talk")
    async with open_reader(settings) as reader:
        talk = table.record(await reader.resolve(spelling))
        sandbox.world.rename("hidden", "busy_TALK")

        owner = table.record(await reader.resolve(spelling, talk))

    assert (owner.key, owner.marked_id) == ("channel_7002", peer_of(sandbox, "hidden"))
    assert table.find(spelling) == owner
    first = table.first_meant(spelling)
    assert first is not None
    assert (first.key, first.marked_id, first.username) == ("busy_talk", talk.marked_id, None)


async def test_a_known_chat_is_never_looked_up_by_a_name_that_another_one_has(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    async with open_reader(settings) as reader:
        talk = await reader.resolve(parse_spelling("@busy_talk"))
        lost = talk.model_copy(update={"marked_id": -1000000000888, "access_hashes": {}})
        with pytest.raises(UsernameMovedError, match="@Busy_Talk means channel_") as failure:
            await reader.look_up(lost)
    assert (failure.value.name, failure.value.owner) == ("busy_talk", talk.marked_id)
    assert failure.value.error_type is ErrorType.NOT_FOUND


async def test_another_account_finds_its_own_access_hash(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    async with open_reader(settings) as reader:
        identity = await reader.resolve(parse_spelling("@busy_talk"))
        nameless = await reader.resolve(parse_spelling("channel_7002"))
    account.save("guarded", sandbox.sessions["guarded"])
    async with open_reader(settings, account="guarded") as reader:
        for known in (identity, nameless):
            assert not reader.can_address(known)
            [page async for page in reader.history(known, *day_bounds("2025-11-07"))]
        own = await reader.resolve(parse_spelling("@busy_talk"), identity)

    guarded, main = (str(user_of(sandbox, name)) for name in ("guarded", "main"))
    assert own.access_hashes[guarded] != identity.access_hashes[main]
    assert len(methods(sandbox, "contacts.resolveUsername")) == 2


@pytest.mark.parametrize(
    ("spelling", "sort", "line"),
    [
        ("@nobody_is_here", ErrorType.NOT_FOUND, "@nobody_is_here: no chat has this name"),
        ("channel_999999", ErrorType.NOT_FOUND, "channel_999999: not among the dialogs of account main"),
        ("-777", ErrorType.NOT_FOUND, "chat_777: "),
        ("123123", ErrorType.NOT_FOUND, "123123: not among the dialogs"),
        ("@closed_doors", ErrorType.NO_ACCESS, "may not read|is private"),
    ],
)
async def test_what_cannot_be_found_says_so_in_one_line(
    sandbox: Any, settings: Settings, account: AccountStore, *, spelling: str, sort: ErrorType, line: str
) -> None:
    async with open_reader(settings) as reader:
        with pytest.raises(FetchError, match=line) as failure:
            await reader.resolve(parse_spelling(spelling))
    assert failure.value.error_type is sort
    assert "\n" not in failure.value.message


async def test_the_dialogs_are_listed_with_their_last_messages(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    async with open_reader(settings) as reader:
        found = {identity.key: (identity, at) async for identity, at in reader.dialogs()}

    assert {"daily_news", "busy_talk", "channel_7001", "chat_501", "fred_the_friend", "channel_7002"} <= set(
        found
    )
    identity, at = found["busy_talk"]
    assert at is not None
    assert at.date().isoformat() == "2025-11-08"
    assert str(user_of(sandbox, "main")) in identity.access_hashes


async def test_more_dialogs_than_a_page_are_all_listed_once(
    telegram_sandbox: Any, settings: Settings
) -> None:
    chats = {
        f"c{number}": {"type": "channel", "messages_per_day": 1, "id": 9000 + number} for number in range(230)
    }
    sandbox = telegram_sandbox({"days": {"from": "2025-11-01", "to": "2025-11-02"}, "chats": chats})
    AccountStore(settings.session_dir).save("main", sandbox.session)
    async with open_reader(settings) as reader:
        found = [identity.key async for identity, _ in reader.dialogs()]

    assert len(found) == len(set(found))
    assert {f"channel_{9000 + number}" for number in range(230)} <= set(found)
    assert len(methods(sandbox, "messages.getDialogs")) in (3, 4)


@pytest.mark.parametrize("dated", [0, 20], ids=["no dialog has a message", "the newest twenty have one"])
async def test_pages_of_dialogs_without_a_message_do_not_end_the_list(
    telegram_sandbox: Any, settings: Settings, dated: int
) -> None:
    chats = {
        f"c{number}": {"type": "channel", "messages_per_day": 1, "id": 9000 + number} for number in range(330)
    }
    sandbox = telegram_sandbox({"days": {"from": "2025-11-01", "to": "2025-11-02"}, "chats": chats})
    left = dated

    def mostly_silent(answer: Any, _request: Any) -> Any:
        nonlocal left
        kept, left = left, 0
        for dialog in answer.dialogs[kept:]:
            dialog.top_message = 0
        told = {(dialog.peer.channel_id, dialog.top_message) for dialog in answer.dialogs[:kept]}
        answer.messages = [each for each in answer.messages if (each.peer_id.channel_id, each.id) in told]
        return answer

    sandbox.rewrite("messages.getDialogs", mostly_silent)
    AccountStore(settings.session_dir).save("main", sandbox.session)
    async with open_reader(settings) as reader:
        found = [identity.key async for identity, _ in reader.dialogs()]

    assert len(found) == len(set(found))
    assert {f"channel_{9000 + number}" for number in range(330)} <= set(found)
    assert len(methods(sandbox, "messages.getDialogs")) in (4, 5)


async def test_a_list_of_dialogs_that_stops_short_says_so(
    sandbox: Any, settings: Settings, account: AccountStore
) -> None:
    def stuck(answer: Any, _request: Any) -> Any:
        parts = {name: getattr(answer, name) for name in ("dialogs", "messages", "chats", "users")}
        return types.messages.DialogsSlice(count=500, **parts)

    sandbox.rewrite("messages.getDialogs", stuck)
    with structlog.testing.capture_logs() as said:
        async with open_reader(settings) as reader:
            found = [identity.key async for identity, _ in reader.dialogs()]

    assert found
    short = [line for line in said if "fewer dialogs" in line["event"]]
    assert [(line["log_level"], line["count"]) for line in short] == [("warning", 500)]


async def test_an_account_that_is_no_member_resolves_the_name_of_a_known_public_chat(
    telegram_sandbox: Any, settings: Settings
) -> None:
    talk = {"type": "supergroup", "messages_per_day": 3, "accounts": ["main"]}
    sandbox = telegram_sandbox(
        {**WORLD, "chats": {"open": {**talk, "username": "open_talk"}, "shut": {**talk, "id": 7100}}}
    )
    store = AccountStore(settings.session_dir)
    for name in ("main", "guarded"):
        store.save(name, sandbox.sessions[name])
    async with open_reader(settings) as reader:
        public = await reader.resolve(parse_spelling("@open_talk"))
        private = await reader.resolve(parse_spelling("channel_7100"))

    async with open_reader(settings, account="guarded") as reader:
        assert [page async for page in reader.history(public, *day_bounds("2025-11-07"))]
        with pytest.raises(FetchError, match="chat channel_7100: not among the dialogs") as failure:
            [page async for page in reader.history(private, *day_bounds("2025-11-07"))]
        assert failure.value.error_type is ErrorType.NOT_FOUND
        renamed = public.model_copy(update={"marked_id": private.marked_id, "key": "old_key"})
        with pytest.raises(UsernameMovedError, match="@open_talk means channel_"):
            [page async for page in reader.history(renamed, *day_bounds("2025-11-07"))]
