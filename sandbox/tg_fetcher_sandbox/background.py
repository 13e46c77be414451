"""A sandbox in a thread of its own, for programs and tests whose event loop is theirs."""

import asyncio
import threading
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from tg_fetcher_sandbox.faults import Fault
from tg_fetcher_sandbox.keys import KeyStore
from tg_fetcher_sandbox.request_log import RequestLog
from tg_fetcher_sandbox.rewriting import Change
from tg_fetcher_sandbox.scenario import Scenario, load_scenario, parse_scenario
from tg_fetcher_sandbox.server import HOST, SandboxServer
from tg_fetcher_sandbox.truth import world_truth
from tg_fetcher_sandbox.world import World

_START_TIMEOUT = 30
"""Seconds that starting or stopping may take before it counts as a failure."""


class RunningSandbox:
    """A sandbox that listens from the moment it is made until `stop`, also as a context manager.

    Example:
        with RunningSandbox("scenario.yaml") as telegram:
            client = TelegramClient(StringSession(telegram.session), 1, "hash")

    Args:
        scenario: a scenario, its content, or its file.
        port: where to listen; 0 takes a free port.
        keys: the server's key and auth keys, to go on with those of an earlier sandbox.
        requests: a file for the request log.
    """

    def __init__(
        self,
        scenario: Scenario | dict[str, Any] | Path | str,
        *,
        port: int = 0,
        keys: KeyStore | None = None,
        requests: Path | None = None,
    ) -> None:
        if isinstance(scenario, dict):
            scenario = parse_scenario(scenario)
        elif not isinstance(scenario, Scenario):
            scenario = load_scenario(scenario)
        self._server = SandboxServer(
            World(scenario), port=port, keys=keys, requests=RequestLog(requests) if requests else None
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox", daemon=True)
        self._thread.start()
        try:
            self._run(self._server.start())
        except BaseException:
            self._end_loop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_START_TIMEOUT)

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_START_TIMEOUT)
        self._loop.close()

    @property
    def host(self) -> str:
        """The address, always 127.0.0.1."""
        return HOST

    @property
    def port(self) -> int:
        """The port."""
        return self._server.port

    @property
    def world(self) -> World:
        """The world that is served; `edit`, `delete` and `post` change it while the sandbox runs."""
        return self._server.world

    def truth(self, *, account: str | None = None, chats: Iterable[str] | None = None) -> dict[str, Any]:
        """Returns what is true of the world now, as plain data; see `world_truth`."""
        return world_truth(self.world, account=account, chats=chats)

    @property
    def keys(self) -> KeyStore:
        """The server's key and the auth keys (`bind`, `refuse` and `forget` change what a key may)."""
        return self._server.keys

    @property
    def public_key(self) -> str:
        """The server's public key as PEM, which a client must trust to make a key of its own."""
        return self._server.keys.server_key.public_pem

    @property
    def sessions(self) -> dict[str, str]:
        """StringSessions of the accounts that are signed in from the start, by name."""
        return self._server.sessions()

    @property
    def session(self) -> str:
        """The StringSession of the first account that is signed in from the start.

        Raises:
            LookupError: the scenario has no such account.
        """
        for session in self.sessions.values():
            return session
        raise LookupError("no account of the scenario is signed in")

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The request log so far; see `RequestLog` for a record's fields."""
        return list(self._server.requests.records)

    def clear_requests(self) -> None:
        """Forgets the request log so far, so that a test counts only its own."""
        self._server.requests.records.clear()

    def count(self, method: str) -> int:
        """How many requests of this method (`messages.getHistory`) came so far."""
        return sum(record["method"] == method for record in self.requests)

    def add_fault(self, **rule: Any) -> None:  # noqa: ANN401 - the fields of `Fault`
        """Puts a rule in force: `add_fault(method="messages.getHistory", after=3, flood_wait=5)`.

        Raises:
            pydantic.ValidationError: it is no rule.
        """
        self._server.faults.add(Fault.model_validate(rule))

    def clear_faults(self) -> None:
        """Ends every rule; what they held back is answered."""
        self._server.faults.clear()

    @property
    def held(self) -> int:
        """How many requests a rule (`hold`) keeps without an answer now."""
        return self._server.faults.held

    def rewrite(self, method: str, change: Change, *, after: int = 0, times: int | None = None) -> None:
        """Alters what a method answers: `change(answer, request)` returns what is sent.

        The messages, users and chats of the answer are Telethon's objects. See `Rewrites.add`.
        """
        self._server.rewrites.add(method, change, after=after, times=times)

    def clear_rewrites(self) -> None:
        """Ends every change of answers."""
        self._server.rewrites.clear()

    def put(self, chat_name: str, *messages: Any) -> None:  # noqa: ANN401 - Telethon carries no types
        """Puts Telethon's messages (or `Exact` ones) into a chat just as they are; see `World.put`."""
        self.world.put(chat_name, *messages)

    def put_whole(self, chat_name: str, *messages: Any) -> None:  # noqa: ANN401 - Telethon carries no types
        """Says what messages.getRichMessage gives of messages that stand in a chat in part."""
        self.world.put_whole(chat_name, *messages)

    def set_clock(self, seconds: float) -> None:
        """Sets the server's clock so many seconds ahead of the machine's (behind it where negative)."""
        self._server.clock.stands_at = None
        self._server.clock.offset = seconds

    def stop_clock(self, at: datetime) -> None:
        """Lets the server's clock stand still at a moment, until `set_clock`."""
        self._server.clock.stands_at = at.timestamp()

    def now(self) -> datetime:
        """Returns what the server takes for the time, aware, in UTC."""
        return self._server.clock.now()

    def restart(self) -> None:
        """Cuts every connection and comes back on the same port with the same keys."""
        self._run(self._server.restart())

    def pause(self) -> None:
        """Cuts every connection and listens no more until `resume`."""
        self._run(self._server.stop())

    def resume(self) -> None:
        """Listens again on the same port, after `pause`."""
        self._run(self._server.start())

    def stop(self) -> None:
        """Ends every connection, the thread and the request log; a second call does nothing."""
        if self._loop.is_closed():
            return
        with suppress(TimeoutError):
            self._run(self._server.stop())
        self._server.requests.close()
        self._end_loop()
