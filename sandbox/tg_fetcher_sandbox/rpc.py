"""Remote procedure calls as the sandbox sees them: who calls, which method answers, what an error is.

This is the seam between the protocol (bytes, keys, sessions) and the methods (what a chat's history is).
A method gets the plain request, already freed of its wrappers, and the `Caller`; it gives back what
Telegram's schema says, or raises an `RpcError`. Gates (faults, later rate models) stand before every method.
"""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

import structlog
from telethon.tl import functions

log = structlog.get_logger(__name__)

Request = Any
"""A Telethon request object (`telethon.tl.tlobject.TLRequest`, which carries no types)."""

Answer = Any
"""A TL object (anything with `_bytes()`), a list of them or of ints, or a bool."""


class Account(Protocol):
    """Whom an auth key can stand for; the world holds the accounts."""

    @property
    def name(self) -> str:
        """The account's name in the scenario."""

    @property
    def phone(self) -> str:
        """The phone number, digits only or with a plus."""

    @property
    def code(self) -> str:
        """The login code that always is right for this account."""

    @property
    def password(self) -> str | None:
        """The 2FA password, or None where there is none."""

    @property
    def user_id(self) -> int:
        """The account's own user."""

    @property
    def signed_in(self) -> bool:
        """Whether the sandbox gives out a ready session of this account when it starts."""


class RpcError(Exception):
    """An error as Telegram answers it.

    Attributes:
        code: the HTTP-like code (303, 400, 401, 403, 406, 420, 500).
        message: the error's name with its value, such as `FLOOD_WAIT_30`.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code} {self.message}"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and over which connection.

    Attributes:
        account: the account that the auth key is signed in as, None before sign-in.
        auth_key_id: the auth key's id; 0 for a call that came over no connection.
        session_id: the MTProto session.
        connection_id: the number of the TCP connection, from 1.
        layer: the schema layer that the client named, 0 until it named one.
        client: device and version from `initConnection`, for the request log.
        takeout_id: the takeout session that this request was wrapped in, or None.
        wants_updates: False where the request was wrapped in `invokeWithoutUpdates`.
    """

    account: Account | None = None
    auth_key_id: int = 0
    session_id: int = 0
    connection_id: int = 0
    layer: int = 0
    client: str = ""
    takeout_id: int | None = None
    wants_updates: bool = True

    @property
    def in_takeout(self) -> bool:
        """True where the request was wrapped in `invokeWithTakeout`."""
        return self.takeout_id is not None

    def signed_in_account(self) -> Account:
        """The account, for methods that need one.

        Raises:
            RpcError: 401 AUTH_KEY_UNREGISTERED before sign-in.
        """
        if self.account is None:
            raise RpcError(401, "AUTH_KEY_UNREGISTERED")
        return self.account


Method = Callable[[Request, Caller], Awaitable[Answer] | Answer]
"""Answers one request, at once or as a coroutine."""

Outlet = Callable[[Request, Answer], Answer]
"""Stands behind every method: gives back the answer or another one."""

Gate = Callable[[Request, Caller], Awaitable[Request] | Request]
"""Stands before every method: may wait, raise an `RpcError`, or give back a changed request."""


def method_name(request: Request) -> str:
    """The method's name as Telegram's documentation spells it, such as `messages.getHistory`."""
    request_class = type(request)
    family = request_class.__module__.rpartition(".")[2]
    name = request_class.__name__.removesuffix("Request")
    name = name[0].lower() + name[1:]
    return name if family == "functions" else f"{family}.{name}"


def unwrap(request: Request, caller: Caller) -> tuple[Request, Caller]:
    """Takes the wrappers off a request and notes in the caller what they said."""
    while True:
        if isinstance(request, functions.InvokeWithLayerRequest):
            caller = replace(caller, layer=request.layer)
        elif isinstance(request, functions.InitConnectionRequest):
            caller = replace(caller, client=f"{request.device_model} {request.app_version}")
        elif isinstance(request, functions.InvokeWithoutUpdatesRequest):
            caller = replace(caller, wants_updates=False)
        elif isinstance(request, functions.InvokeWithTakeoutRequest):
            caller = replace(caller, takeout_id=request.takeout_id)
        elif not isinstance(
            request,
            functions.InvokeAfterMsgRequest
            | functions.InvokeAfterMsgsRequest
            | functions.InvokeWithMessagesRangeRequest,
        ):
            return request, caller
        request = request.query


class Dispatcher:
    """Knows which method answers which request."""

    def __init__(self) -> None:
        self._methods: dict[type, Method] = {}
        self.gates: list[Gate] = []
        self.outlets: list[Outlet] = []

    def register(self, request_class: type, method: Method) -> None:
        """Lets `method` answer requests of this class; a later registration replaces an earlier one."""
        self._methods[request_class] = method

    async def answer(self, request: Request, caller: Caller) -> Answer:
        """Answers a request, wrapped or not.

        Raises:
            RpcError: what the method or a gate refused with; 400 METHOD_NOT_SUPPORTED where the sandbox
                does not model the method.
        """
        request, caller = unwrap(request, caller)
        for gate in self.gates:
            passed = gate(request, caller)
            request = await passed if inspect.isawaitable(passed) else passed
        answer = await self.call(request, caller)
        for outlet in self.outlets:
            answer = outlet(request, answer)
        return answer

    async def call(self, request: Request, caller: Caller) -> Answer:
        """Answers a plain request past the gates, as one method uses another.

        Raises:
            RpcError: as `answer`.
        """
        method = self._methods.get(type(request))
        if method is None:
            log.warning("method is not modelled by the sandbox", method=method_name(request))
            raise RpcError(400, "METHOD_NOT_SUPPORTED")
        answered = method(request, caller)
        return await answered if inspect.isawaitable(answered) else answered
