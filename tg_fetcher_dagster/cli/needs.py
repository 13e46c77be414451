"""What nothing mends but a person, with what to type. Pure."""

from collections.abc import Iterator
from typing import Final

from tg_fetcher_dagster.cli.moments import told_moment
from tg_fetcher_dagster.cli.overview import Need, Overview

LOW_DISK: Final = 1_000_000_000
"""Bytes: a busy day of some large chats, with its drafts, is a part of it."""


def needs_of(seen: Overview) -> list[Need]:
    """Returns what a person must look at, what stops the most first."""
    return [*_of_everything(seen), *_of_days(seen), *_of_chats(seen), *_of_the_machine(seen)]


def _of_everything(seen: Overview) -> Iterator[Need]:
    if seen.accounts_error:
        yield Need(kind="account", what="", why=seen.accounts_error)
    elif not seen.accounts:
        yield Need(kind="account", what="", why="there is none", do="tg-fetcher init")
    for account in seen.accounts:
        if not account.usable:
            named = "" if account.name == "main" else f" --account {account.name}"
            yield Need(kind="account", what=account.name, why=account.state, do=f"tg-fetcher login{named}")
    if seen.disk is not None and seen.disk.free_bytes < LOW_DISK:
        free = f"only {seen.disk.free_bytes / 1e9:.1f} GB are free"
        yield Need(kind="disk", what=seen.disk.folder, why=free, do="free some space there")


def _of_days(seen: Overview) -> Iterator[Need]:
    for line in seen.damaged or ():
        yield Need(kind="damaged", what="", why=line, do="tg-fetcher verify --repair")
    for chat in seen.chats:
        for day in chat.doubted:
            yield Need(
                kind="in doubt",
                what=f"{chat.chat} {day}",
                why="too many messages are gone; it is read again by itself, unless you know why",
                do=f"tg-fetcher accept {chat.chat} {day}",
            )
    for chat in seen.chats:
        if chat.days_given_up:
            days = f"{chat.days_given_up} {'day' if chat.days_given_up == 1 else 'days'}"
            do = f"tg-fetcher heal {chat.chat} --list"
            yield Need(kind="given up", what=chat.chat, why=days, do=do)
    if seen.dead_letters:
        why = f"{seen.dead_letters:,} commands"
        yield Need(kind="failed", what="", why=why, do="tg-fetcher failed list")


def _of_chats(seen: Overview) -> Iterator[Need]:
    for chat in seen.chats:
        if chat.refused is not None:
            again = told_moment(chat.refused.ask_again_at.timestamp(), now=seen.at)
            yield Need(
                kind="refused",
                what=f"{chat.chat} since {chat.refused.since:%Y-%m-%d}",
                why=f"{chat.refused.why}; asked again {again}",
                do=f"join it, or: tg-fetcher chats pause {chat.chat}",
            )
    for line in seen.names:
        yield Need(kind="name", what="", why=line)


def _of_the_machine(seen: Overview) -> Iterator[Need]:
    if seen.events_damaged:
        why = f"{seen.events_damaged} damaged"
        yield Need(kind="events", what="", why=why, do="tg-fetcher events tail")
    if seen.spool is None:
        yield Need(kind="spool", what="", why="the folder of commands cannot be read")
    if seen.clock:
        why = f"this machine's is {seen.clock} of Telegram's"
        yield Need(kind="clock", what="", why=why, do="set it right")
    if seen.modes:
        yield Need(kind="files", what="", why=seen.modes)
