"""The screen of `status`: what needs a person, what waits, what works; one screen, however much there is."""

import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from tg_fetcher_dagster.chats.access import Refusal
from tg_fetcher_dagster.cli.console import LegibleConsole, Size
from tg_fetcher_dagster.cli.needs import needs_of
from tg_fetcher_dagster.cli.overview import (
    AccountOverview,
    ChatOverview,
    Disk,
    InFlight,
    Overview,
    Waiting,
)
from tg_fetcher_dagster.cli.status_screen import screen
from tg_fetcher_dagster.errors import ErrorType

DOUBT = "too many messages are gone; it is read again by itself, unless you know why"
REFUSED = "the account was removed from it; asked again 12:31 UTC"
JOIN = "join it, or: tg-fetcher chats pause closed"

NOW = datetime(2025, 12, 1, 12, tzinfo=UTC)
SOON = NOW + timedelta(minutes=31)


def chat(key: str = "news", **facts: Any) -> ChatOverview:
    return ChatOverview(
        **{
            "chat": key, "title": key.title(), "state": "kept", "days_done": 1000, "days_asked": 0,
            "days_given_up": 0, "days_missing": 0, "missing": [], "doubted": [], "message_count": 10,
            "first_day": date(2023, 1, 1), "last_day": date(2025, 11, 30), "last_fetch": NOW, "refused": None,
            **facts,
        }
    )  # fmt: skip


def overview(**facts: Any) -> Overview:
    seen = Overview(
        **{
            "chats": [chat()], "names": [], "waiting": [], "requests": {}, "in_flight": [],
            "events_pending": 0, "events_damaged": 0, "dead_letters": 0, "size_bytes": 3_000_000,
            "queue": {"queued": 0, "processing": 0, "delayed": 0, "failed": 0}, "redis": "answers",
            "redis_error": None, "spool": 0, "last_fetch": NOW - timedelta(minutes=3), "at": NOW,
            "accounts": [AccountOverview(name="main", state="ready")], "accounts_error": None,
            "disk": Disk(folder="/data", free_bytes=30_000_000_000, size_bytes=100_000_000_000),
            **facts,
        }
    )  # fmt: skip
    return seen.model_copy(update={"needs": needs_of(seen)})


def refused(key: str) -> ChatOverview:
    why = Refusal(
        error_type=ErrorType.NO_ACCESS, why="the account was removed from it",
        since=NOW - timedelta(days=1), ask_again_at=SOON,
    )  # fmt: skip
    return chat(key, state="refused", refused=why)


def shown(seen: Overview, width: int = 200, height: int | None = None, *, all_chats: bool = False) -> str:
    size = Size(width=width, height=height) if height else Size()
    there = io.StringIO()
    LegibleConsole(file=there, width=width).print(screen(seen, size, all_chats=all_chats))
    return there.getvalue()


def group(told: str, head: str) -> list[str]:
    """The lines of one group."""
    lines = told.splitlines()
    begin = lines.index(head) + 1
    return lines[begin : lines.index("", begin) if "" in lines[begin:] else None]


def test_where_all_is_well_it_says_so():
    told = shown(overview())
    assert told.startswith("nothing needs a person\n\nnothing waits\n\nworks\n")
    assert group(told, "works") == [
        "chats     1; 1,000 days done; 10 messages",
        "fetched   last at 11:57 UTC, 3 minutes ago",
        "requests  none is open",
        "queue     0 queued, 0 processing, 0 delayed, 0 failed",
        "events    0 not published yet",
        "accounts  main ready",
        "disk      30.0 GB of 100.0 GB free; the ledger has 3.0 MB",
    ]


def test_whatever_needs_a_person_says_what_to_type():
    accounts = [
        AccountOverview(name="main", state="quarantined 2025-11-30: the session was ended", usable=False),
        AccountOverview(name="second", state="its session cannot be opened", usable=False),
        AccountOverview(name="third", state="in use"),
    ]
    chats = [
        chat("club", doubted=[date(2025, 11, 29)]),
        chat("news", days_given_up=2),
        refused("closed"),
    ]
    disk = Disk(folder="/data", free_bytes=200_000_000, size_bytes=100_000_000_000)
    told = shown(overview(accounts=accounts, chats=chats, disk=disk, dead_letters=1_500, clock="1 day ahead"))
    assert group(told, "needs a person") == [
        "account   main: quarantined 2025-11-30: the session was ended -> tg-fetcher login",
        "account   second: its session cannot be opened -> tg-fetcher login --account second",
        "disk      /data: only 0.2 GB are free -> free some space there",
        f"in doubt  club 2025-11-29: {DOUBT} -> tg-fetcher accept club 2025-11-29",
        "given up  news: 2 days -> tg-fetcher heal news --list",
        "failed    1,500 commands -> tg-fetcher failed list",
        f"refused   closed since 2025-11-30: {REFUSED} -> {JOIN}",
        "clock     this machine's is 1 day ahead of Telegram's -> set it right",
    ]
    assert "accounts  third in use" in group(told, "works")


def test_what_waits_says_for_what_and_until_when():
    waiting = [
        Waiting(what="redis", why="Redis at r:6379 is away", until=None),
        Waiting(what="telegram", why="no route to host", until=None),
        Waiting(what="account main", why="Telegram asked for a pause", until=SOON),
        *(
            Waiting(what=f"chat_{number}: 3 days", why="flood", until=SOON, chat=f"chat_{number}", days=3)
            for number in range(290)
        ),
    ]
    told = shown(overview(waiting=waiting, redis="away", redis_error="Redis at r:6379 is away", queue=None))
    waits = group(told, "waits")
    assert waits[:4] == [
        "queue     Redis at r:6379 is away",
        "trouble   telegram: no route to host",
        "account   main until 12:31 UTC: Telegram asked for a pause",
        "chat      chat_0: 3 days until 12:31 UTC: flood",
    ]
    assert waits[-1] == "chats     and 855 days of 285 more chats until 12:31 UTC or later"
    assert len(waits) == 9


def test_what_is_under_way_is_one_line():
    batches = [
        InFlight(
            batch_id=f"b{number}", chats=["news"], first=date(2025, 11, 1), last=date(2025, 11, 30),
            state="running" if number < 2 else "asked", asked_at=NOW - timedelta(hours=1), run_id=None,
        )
        for number in range(5)
    ]  # fmt: skip
    told = shown(overview(in_flight=batches))
    assert (
        "under way news 2025-11-01..2025-11-30: is read, asked for at 11:00 UTC; 1 more is read;"
        " 3 wait for their runs"
    ) in group(told, "works")


def troubled(number: int) -> ChatOverview:
    if number % 50 == 7:
        return refused(f"chat_{number:03}")
    lacks = {"days_missing": number, "missing": [("2025-11-01", "2025-11-03"), ("2025-10-01", "2025-10-01")]}
    return chat(f"chat_{number:03}", days_given_up=number % 3, title="A title " * 9, **lacks)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (140, 45), (200, 60)])
def test_three_hundred_chats_fit_on_one_screen(width: int, height: int):
    waiting = [
        Waiting(what=f"chat_{number}: 3 days", why="w" * 200, until=SOON, chat=f"chat_{number}", days=3)
        for number in range(300)
    ]
    seen = overview(
        chats=[troubled(number) for number in range(300)], waiting=waiting, dead_letters=100_000,
        accounts=[], names=["a name moved " * 9] * 40, redis="away", redis_error="r" * 200, queue=None,
        requests={"redis": 3_000, "schedule": 300}, modes="m" * 200, spool=7,
    )  # fmt: skip
    lines = shown(seen, width, height).splitlines()
    assert len(lines) < height, "the shell's own line has its place"
    assert max(map(len, lines)) <= width
    told = "\n".join(lines)
    assert "account   there is none -> tg-fetcher init" in told
    assert "failed    100,000 commands -> tg-fetcher failed list" in told
    assert "chats     300, 6 refused" in told


def test_the_chats_that_lack_most_come_first_and_the_rest_is_added_up():
    told = shown(overview(chats=[troubled(number) for number in range(300)]))
    table = told[told.index("chat    ") :].splitlines()
    assert [line.split()[0] for line in table[1:9]] == [
        "chat_007", "chat_057", "chat_107", "chat_157", "chat_207", "chat_257", "chat_299", "chat_296",
    ]  # fmt: skip
    assert "2025-11-01..2025-11-03 and 1 more" in table[7]
    assert table[-1].startswith("and ")
    assert table[-1].endswith("days missing (tg-fetcher status --all)")


def test_with_all_each_chat_has_its_row():
    seen = overview(chats=[troubled(number) for number in range(300)])
    assert shown(seen, all_chats=True).count("\nchat_") == 300


@pytest.mark.parametrize(
    ("facts", "colour"),
    [
        (lambda: {"accounts": []}, "\x1b[1;31mneeds a person\x1b[0m"),
        (lambda: {"waiting": [Waiting(what="telegram", why="away", until=None)]}, "\x1b[1;33mwaits\x1b[0m"),
        (dict, "\x1b[1;32mworks\x1b[0m"),
    ],
)
def test_each_group_has_its_colour_on_a_terminal_and_none_elsewhere(
    facts: Callable[[], dict[str, Any]], colour: str
):
    seen = overview(**facts())
    there = io.StringIO()
    terminal = Console(file=there, width=100, force_terminal=True, color_system="standard", no_color=False)
    terminal.print(screen(seen, Size(width=100, height=40)))
    assert colour in there.getvalue()
    assert "\x1b" not in shown(seen)


def test_on_a_small_screen_no_kind_of_need_is_left_out():
    chats = [
        *(chat(f"doubted_{number}", doubted=[date(2025, 11, 29)]) for number in range(9)),
        *(chat(f"lost_{number}", days_given_up=1) for number in range(9)),
        *(refused(f"closed_{number}") for number in range(9)),
    ]
    seen = overview(chats=chats, dead_letters=5, accounts=[])
    assert group(shown(seen, 80, 24), "needs a person") == [
        "account   there is none -> tg-fetcher init",
        "in doubt  9 of them -> tg-fetcher status --json",
        "given up  9 of them -> tg-fetcher heal --list",
        "failed    5 commands -> tg-fetcher failed list",
        "refused   9 of them -> tg-fetcher chats list",
    ]
    assert group(shown(seen, 200, 60), "needs a person")[4:8] == [
        "in doubt  and 6 more -> tg-fetcher status --json",
        "given up  lost_0: 1 day -> tg-fetcher heal lost_0 --list",
        "given up  lost_1: 1 day -> tg-fetcher heal lost_1 --list",
        "given up  lost_2: 1 day -> tg-fetcher heal lost_2 --list",
    ]


def test_on_a_narrow_screen_the_reason_goes_before_what_to_type():
    seen = overview(chats=[chat("club", doubted=[date(2025, 11, 29)])])
    assert group(shown(seen, 70, 40), "needs a person") == [
        "in doubt  club 2025-11-29 -> tg-fetcher accept club 2025-11-29",
    ]
