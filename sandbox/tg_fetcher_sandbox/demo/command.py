"""`tg-fetcher demo`: the whole flow on this machine, against a Telegram of its own.

A sandbox, a Valkey server, Dagster's code server, daemon and UI are started; two commands are pushed as a
producer would; the events are heard as a consumer would; what came out is compared with what is true of the
sandbox's world. Everything that was started is ended, whatever happens.
"""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import orjson
import redis
import typer

from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_sandbox.demo.asking import COMMANDS, Asked, chats_to_keep, commands_of, push
from tg_fetcher_sandbox.demo.folder import DemoFolder
from tg_fetcher_sandbox.demo.processes import Ended, Programs, ended_by_signals
from tg_fetcher_sandbox.demo.services import (
    SCENARIO,
    Ports,
    check_installed,
    settings_of,
    start_all,
    start_monitor,
    wait_for_ui,
)
from tg_fetcher_sandbox.demo.showing import Screen
from tg_fetcher_sandbox.demo.verifying import faults_of
from tg_fetcher_sandbox.demo.watching import Watch, stream_of, watch

PATIENCE = 180.0
"""Seconds until all events must have come; about 20 on two cores."""

LOOK_SECONDS = 0.5

FAULTS_SHOWN = 10

INTERRUPTED = 130

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Check files and events, then end.")] = False,
    folder: Annotated[Path, typer.Option(help="The working folder, emptied at the start.")] = Path(".demo"),
) -> None:
    """Show the whole flow on this machine: a sandbox Telegram, Redis, Dagster, commands, files and events."""
    check_installed()
    place = DemoFolder(folder)
    screen = Screen()
    watching = False
    try:
        with (
            ended_by_signals(),
            place.taken(),
            Programs(place.logs, environment=place.environment(), folder=place.path) as programs,
        ):
            _run(programs, place, screen, stays=not once)
            if not once:
                watching = True
                _until_ended(programs, screen)
    except Ended as ended:
        screen.plain()
        screen.step("ended; everything that was started is ended too")
        if ended.exit_code != INTERRUPTED or not watching:
            raise typer.Exit(ended.exit_code) from None


def _run(programs: Programs, place: DemoFolder, screen: Screen, *, stays: bool) -> None:
    """Starts everything, asks, watches, shows and checks.

    Raises:
        FetchError: a program ended by itself, an event did not come, or what came out is not the truth.
    """
    began = time.monotonic()
    truth = _truth_of(SCENARIO)
    place.truth.write_bytes(orjson.dumps(truth))
    asked = commands_of(truth)
    ports = Ports.choose()
    first_day = min(day for chat in truth["chats"].values() for day in chat["days"])
    place.write_env(settings_of(place, ports, chats=chats_to_keep(truth), first_day=first_day))
    screen.step(
        f"starting a sandbox Telegram, Valkey ({ports.redis_url}) and Dagster; logs: {_near(place.logs)}/"
    )
    start_all(programs, place, ports)
    with redis.Redis.from_url(ports.redis_url) as client, watch(client, asked) as watched:
        screen.step(f"pushing {len(asked)} commands to {COMMANDS}:")
        for each in asked:
            screen.plain(f"  RPUSH {COMMANDS} '{each.line}'")
        push(client, asked)
        pushed = time.monotonic()
        _follow(programs, screen, asked, watched)
        screen.step(f"{len(watched.wanted)} days done {time.monotonic() - pushed:.1f} s after the push")
        wait_for_ui(programs, ports)
        screen.step("the events as they arrived on tg_events:")
        screen.events(watched.events)
        shown = asked[0]
        path = place.data / shown.chat / f"{shown.days[-1]}.json"
        screen.step(f"the head of {_near(path)}:")
        screen.head(path)
        faults = faults_of(asked, truth=truth, data_dir=place.data, stream=stream_of(client))
    _tell_result(screen, faults, asked=asked, seconds=time.monotonic() - began)
    if stays:
        start_monitor(programs)
    _tell_places(screen, place, ports, asked, monitored=stays)


def _truth_of(scenario: Path) -> Mapping[str, Any]:
    from tg_fetcher_sandbox.scenario import load_scenario
    from tg_fetcher_sandbox.truth import world_truth
    from tg_fetcher_sandbox.world import World

    return world_truth(World(load_scenario(scenario)))


def _follow(programs: Programs, screen: Screen, asked: Sequence[Asked], watched: Watch) -> None:
    deadline = time.monotonic() + PATIENCE
    with screen.progress(asked) as bars:
        while not watched.done:
            programs.check()
            bars.show(watched.look(), watched)
            if time.monotonic() > deadline:
                missing = len(watched.wanted - watched.ended.keys())
                raise FetchError(
                    ErrorType.INTERNAL, f"{missing} days have no event after {PATIENCE:.0f} s; see the logs"
                )


def _tell_result(screen: Screen, faults: Sequence[str], *, asked: Sequence[Asked], seconds: float) -> None:
    days = sum(len(each.days) for each in asked)
    if not faults:
        screen.good(
            f"{days} day files equal the sandbox's truth, each with one event and its checksum"
            f" ({seconds:.0f} s in all)"
        )
        return
    for fault in faults[:FAULTS_SHOWN]:
        screen.fault(fault)
    raise FetchError(ErrorType.INTERNAL, f"the demo found {len(faults)} faults")


def _tell_places(
    screen: Screen, place: DemoFolder, ports: Ports, asked: Sequence[Asked], *, monitored: bool
) -> None:
    screen.step("where to look:")
    watched = (
        ("whether all is well, in JSON", f"{ports.monitor_url}/health"),
        ("metrics, for Prometheus", f"{ports.monitor_url}/metrics"),
    )
    for what, where in (
        ("the chat's days, green one by one", f"{ports.ui_url}/assets/messages?view=partitions"),
        ("the runs that the commands became", f"{ports.ui_url}/runs"),
        ("the sensors and the schedule", f"{ports.ui_url}/automation"),
        *(watched if monitored else ()),
        ("day files", f"{_near(place.data)}/{asked[1].chat}/"),
        ("requests that Telegram got", _near(place.requests)),
        ("what is true of its world", _near(place.truth)),
        ("another command", f"cd {_near(place.path)} && {_another(place, asked[0])}"),
    ):
        screen.plain(f"  {what:<36}{where}")


def _another(place: DemoFolder, asked: Asked) -> str:
    program = os.path.relpath(Path(sys.executable).with_name("tg-fetcher"), place.path)
    last = asked.days[-1]
    return f"{program} fetch {asked.body['chat']} --from {last - timedelta(days=4)} --to {last}"


def _near(path: Path) -> str:
    """Returns a path as one would type it here."""
    return os.path.relpath(path)


def _until_ended(programs: Programs, screen: Screen) -> None:
    screen.step("running until Ctrl-C")
    while True:
        programs.check()
        time.sleep(LOOK_SECONDS)
