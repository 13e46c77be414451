"""The Telegram stand-in: a world served over MTProto on 127.0.0.1.

It models what a reading client meets (keys, sessions, sign-in, paging, errors), not Telegram: no updates
but the login token's, no media, no sending. `docs/sandbox.md` names the rules that are modelled.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError
from telethon.crypto import AuthKey as TelethonAuthKey
from telethon.sessions import StringSession

from tg_fetcher_sandbox.answering import ServerState
from tg_fetcher_sandbox.auth import AuthMethods
from tg_fetcher_sandbox.clock import Clock
from tg_fetcher_sandbox.connection import Connection
from tg_fetcher_sandbox.errors import SandboxError
from tg_fetcher_sandbox.faults import Fault, Faults
from tg_fetcher_sandbox.keys import KeyStore
from tg_fetcher_sandbox.methods.catalogue import register_all
from tg_fetcher_sandbox.request_log import RequestLog
from tg_fetcher_sandbox.rewriting import Rewrites
from tg_fetcher_sandbox.rpc import Dispatcher
from tg_fetcher_sandbox.server_config import DC_ID, ServiceMethods
from tg_fetcher_sandbox.world import World

HOST = "127.0.0.1"
"""The only address: whoever reaches the sandbox can sign in as anybody in it."""


class SandboxServer:
    """Serves one world; start and stop it inside one event loop.

    Attributes:
        world: what is served.
        keys: the server's key and the auth keys; they outlive `restart`.
        faults: the rules in force.
        rewrites: what is altered of the answers.
        clock: what it takes for the time.
        requests: the request log.
        port: the port, once started.
    """

    host = HOST

    def __init__(
        self,
        world: World,
        *,
        port: int = 0,
        keys: KeyStore | None = None,
        requests: RequestLog | None = None,
    ) -> None:
        self.world = world
        self.keys = keys or KeyStore.open(None)
        self.faults = Faults(faults_of(world.scenario.faults))
        self.rewrites = Rewrites()
        self.clock = Clock()
        self.requests = requests or RequestLog()
        self.port = port
        dispatcher = Dispatcher()
        dispatcher.gates.append(self.faults)
        dispatcher.outlets.append(self.rewrites)
        register_all(dispatcher, world)
        AuthMethods(world.accounts, keys=self.keys, push=self._push).register(dispatcher)
        self._state = ServerState(
            keys=self.keys,
            dispatcher=dispatcher,
            accounts={account.name: account for account in world.accounts},
            faults=self.faults,
            requests=self.requests,
            clock=self.clock,
        )
        self._listener: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._open: set[Connection] = set()
        self._accepted = 0

    async def start(self) -> None:
        """Listens; with port 0 on a free one, which `port` names from then on.

        Raises:
            OSError: the port is taken.
        """
        self._listener = await asyncio.start_server(self._accept, HOST, self.port)
        self.port = self._listener.sockets[0].getsockname()[1]
        ServiceMethods(host=HOST, port=self.port, clock=self.clock).register(self._state.dispatcher)

    async def stop(self) -> None:
        """Ends every connection and listens no more."""
        listener, self._listener = self._listener, None
        if listener is not None:
            await _accept_no_more(listener)
            listener.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if listener is not None:
            await listener.wait_closed()

    async def restart(self) -> None:
        """Stops and starts on the same port with the same keys, all sessions and salts forgotten."""
        await self.stop()
        self._state.sessions.forget_all()
        await self.start()

    def sessions(self) -> dict[str, str]:
        """A StringSession for each account that is signed in from the start, by the account's name.

        Each is full access to its account here, with host, port and key in it: a secret.
        """
        return {
            account.name: self._string_session(account.name)
            for account in self.world.accounts
            if account.signed_in
        }

    def _string_session(self, account: str) -> str:
        session = StringSession()
        session.set_dc(DC_ID, HOST, self.port)
        session.auth_key = TelethonAuthKey(self.keys.ready_key(account).key)
        saved: str = session.save()
        return saved

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._listener is None:
            writer.close()  # it came in while the server was stopping
            return
        self._accepted += 1
        connection = Connection(
            self._state, others=self._open, reader=reader, writer=writer, number=self._accepted
        )
        task = asyncio.create_task(connection.serve())
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        # A task that is cancelled before its first step closes nothing, and its client waits for ever.
        task.add_done_callback(lambda _: writer.close())

    def _push(self, key_id: int, update: Any) -> None:  # noqa: ANN401 - a TL object
        for connection in self._open:
            connection.push(key_id, update)


async def _accept_no_more(listener: asyncio.Server) -> None:
    """Lets the connections that were just accepted reach `_accept`, and no further ones.

    Python 3.11 loses a connection, unclosed, whose server closes between the two.
    """
    loop = asyncio.get_running_loop()
    for socket in listener.sockets:
        loop.remove_reader(socket.fileno())
    for _ in range(3):
        await asyncio.sleep(0)


def faults_of(entries: Iterable[dict[str, Any]]) -> list[Fault]:
    """The rules of a scenario's `faults:` list.

    Raises:
        SandboxError: one line that names the first entry that is no rule, and why.
    """
    faults = []
    for number, entry in enumerate(entries):
        try:
            faults.append(Fault.model_validate(entry))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, ("faults", number, *first["loc"])))
            said = first["msg"].removeprefix("Value error, ")
            raise SandboxError(f"scenario {place}: {said}") from None
    return faults
