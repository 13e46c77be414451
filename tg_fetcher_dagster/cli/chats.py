"""`tg-fetcher chats`: which chats are kept."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from tg_fetcher_dagster.cli.console import complain, note, say, say_table
from tg_fetcher_dagster.cli.starting import read_settings
from tg_fetcher_dagster.cli.usage import IDS_ALLOWED, WrongUse, spelling_of
from tg_fetcher_dagster.errors import ErrorType, FetchError

if TYPE_CHECKING:
    from tg_fetcher_dagster.chats.identity import ChatIdentity
    from tg_fetcher_dagster.chats.identity_table import IdentityTable
    from tg_fetcher_dagster.settings import Settings

app = typer.Typer(
    help="The chats that are kept: from the account's dialogs, by name or by id.", rich_markup_mode=None
)

Chat = Annotated[str, typer.Argument(help="@name, name, https://t.me/name, -100123..., or the chat's key.")]
Chats = Annotated[list[str], typer.Argument(help="One or more: @name, https://t.me/name, -100123..., 123...")]


@app.command("list")
def list_chats(
    every: Annotated[bool, typer.Option("--all", help="All chats of the account's dialogs.")] = False,
) -> None:
    """Show the chats that are kept; with --all everything that the account can see."""
    settings = read_settings()
    if every:
        _list_dialogs(settings)
        return
    from tg_fetcher_dagster.chats.kept import kept_chats

    kept = kept_chats(settings)
    if not kept.chats:
        note("no chat is kept yet: tg-fetcher chats list --all, then tg-fetcher chats add CHAT")
    else:
        rows = [(each.key, each.type, each.title, each.address, each.state) for each in kept.chats]
        say_table(("chat", "type", "title", "name or id", "state"), rows)
    for line in kept.lines:
        note(line)


def _list_dialogs(settings: "Settings") -> None:
    from tg_fetcher_dagster.cli.dialogs import dialogs_of_account

    rows = [
        (
            f"@{each.chat.username}" if each.chat.username else each.chat.marked_id,
            each.chat.type,
            each.chat.title,
            f"{each.written_at:%Y-%m-%d}" if each.written_at else "",
            each.state,
        )
        for each in dialogs_of_account(settings)
    ]
    say_table(("name or id", "type", "title", "last message", "state"), rows)


@app.command("add", context_settings=IDS_ALLOWED)
def add_chats(chats: Chats) -> None:
    """Find out who the chats are, once, and keep them: the schedule fetches them from now on."""
    settings = read_settings()
    spellings = [spelling_of(chat) for chat in chats]
    failures = add(settings, [spelling.canonical for spelling in spellings])
    if failures:
        raise typer.Exit(1)


def add(settings: "Settings", chats: list[str]) -> int:
    """Resolves and keeps chats; tells of each, and returns how many of them failed."""
    from tg_fetcher_dagster.chats.identity_table import open_identities
    from tg_fetcher_dagster.cli.partitions import add_partition, has_instance
    from tg_fetcher_dagster.cli.resolving import ask_for_chats

    async def resolve(identities: "IdentityTable") -> "list[ChatIdentity]":
        added = []
        asked_for = [spelling_of(chat) for chat in chats]
        async for asked, found in ask_for_chats(settings, identities, asked_for):
            if isinstance(found, FetchError):
                named = asked.canonical in found.message
                complain(found.message if named else f"{asked.canonical}: {found.message}")
            else:
                added.append(found)
        return added

    with open_identities(settings) as identities:
        added = asyncio.run(resolve(identities))
    for chat in added:
        if has_instance():
            add_partition(chat.key)
        say(f"kept: {chat.key} ({chat.type}, {chat.title})")
    return len(chats) - len(added)


@app.command("pause", context_settings=IDS_ALLOWED)
def pause_chat(chat: Chat) -> None:
    """Leave a chat out of the schedule; commands for it are still carried out."""
    _set_paused(chat, paused=True)


@app.command("resume", context_settings=IDS_ALLOWED)
def resume_chat(chat: Chat) -> None:
    """Take a chat into the schedule again."""
    _set_paused(chat, paused=False)


@app.command("confirm")
def confirm_name(name: Annotated[str, typer.Argument(help="@name, name or https://t.me/name.")]) -> None:
    """Let a configured name mean the chat that has it now; until then it means the one that had it first."""
    from tg_fetcher_dagster.chats.identity_table import open_identities
    from tg_fetcher_dagster.chats.ids import id_key

    settings = read_settings()
    spelling = spelling_of(name)
    if spelling.username is None:
        raise WrongUse(f"{name} is an id, which no other chat can take: give a name")
    with open_identities(settings) as identities:
        moved = identities.confirm(spelling.username)
    say(f"confirmed: @{moved.name} means {moved.owner_key or id_key(moved.owner)}")
    key = moved.chat.key
    note(f"{key} stays kept under its key; if it is not wanted: tg-fetcher chats pause {key}")


def _set_paused(chat: str, *, paused: bool) -> None:
    from tg_fetcher_dagster.chats.identity_table import open_identities

    settings = read_settings()
    with open_identities(settings) as identities:
        key = _kept(identities, chat).key
        identities.set_paused(key, paused=paused)
    say(f"{'paused' if paused else 'kept'}: {key}")


@app.command("remove", context_settings=IDS_ALLOWED)
def remove_chat(chat: Chat) -> None:
    """Forget a chat and its partition; its files are never deleted."""
    from tg_fetcher_dagster.chats.identity_table import open_identities
    from tg_fetcher_dagster.cli.partitions import is_partition, remove_partition

    settings = read_settings()
    with open_identities(settings) as identities:
        # Literally what was given, where that is a partition or a key: @Demo_News is not demo_news.
        is_key = chat in identities.known().keys
        key = chat if is_key or is_partition(chat) else _kept(identities, chat).key
        known = identities.get(key)
        meant = {each: identities.first_meant(spelling_of(each)) for each in settings.telegram_chats}
        remove_partition(key)
        was_kept = identities.remove(key)
    if not was_kept:
        say(f"removed: the partition {key}; no chat was kept under that key")
        return
    say(f"forgotten: {key}; its files stay in {settings.data_dir / key}")
    asked = [each for each, chat_meant in meant.items() if known is not None and chat_meant == known]
    if asked:
        note(f"{asked[0]} is still in TELEGRAM_CHATS and will be kept again: take it out there, too")


def _kept(identities: "IdentityTable", chat: str) -> "ChatIdentity":
    spelling_of(chat)
    known = identities.kept(chat)
    if known is None:
        raise FetchError(ErrorType.NOT_FOUND, f"chat {chat!r} is not kept here: see tg-fetcher chats list")
    return known
