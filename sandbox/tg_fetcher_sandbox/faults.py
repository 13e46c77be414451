"""What goes wrong on purpose: rules that refuse, delay, cut or shorten what the sandbox answers.

A rule names whom and what it is about (method, account, chat), when it acts (`after` so many calls, so many
`times`, each n-th call) and one thing that it does. Rules come from the scenario's `faults:` list or, while
the server runs, from Python.
"""

import asyncio
import copy
import fnmatch
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from telethon.errors import rpcerrorlist

from tg_fetcher_sandbox.posts import bare
from tg_fetcher_sandbox.rpc import Caller, Request, RpcError, method_name

_ACTIONS = (
    "flood_wait",
    "error",
    "delay",
    "hold",
    "cut",
    "silence",
    "transport_error",
    "short_page",
    "empty_page",
    "duplicate_key",
)


class CutConnectionError(Exception):
    """The connection is to end in the middle of a packet, after `sent` bytes of it."""

    def __init__(self, sent: int) -> None:
        super().__init__(sent)
        self.sent = sent


class SilenceError(Exception):
    """The request is to stay without an answer."""


class TransportFaultError(Exception):
    """The client is to get a transport error, such as -404 for an unknown key, and a closed connection."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def error_code(name: str) -> int:
    """The code that Telegram sends with an error of this name (`FLOOD_WAIT_5`: 420); 400 for unknown ones."""
    found = rpcerrorlist.rpc_errors_dict.get(name)
    if found is None:
        found = next(
            (known for pattern, known in rpcerrorlist.rpc_errors_re if re.match(pattern, name)), None
        )
    for parent in getattr(found, "__mro__", ()):
        code = vars(parent).get("code")
        if isinstance(code, int):
            return code
    return 400


class Fault(BaseModel):
    """One rule; exactly one of the actions is set.

    Calls are counted for each account and method by itself, and only those that the rule is about.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: str = Field(default="*", description="method as Telegram spells it; * stands for anything")
    account: str | None = Field(default=None, description="the account's name in the scenario")
    chat: int | None = Field(default=None, description="id of a chat in the request, marked or bare")
    after: int = Field(default=0, ge=0, description="so many calls pass before the rule acts")
    times: int | None = Field(default=None, ge=1, description="acts so often, then never again")
    every: int = Field(default=1, ge=1, description="acts on each n-th call once `after` is over")

    flood_wait: int | None = Field(
        default=None,
        ge=1,
        description="FLOOD_WAIT of so many seconds: until they are over every call is refused with what is "
        "left, then `after` calls pass again",
    )
    error: str | None = Field(default=None, pattern=r"^[A-Z][A-Z0-9_]*$", description="error by its name")
    code: int | None = Field(default=None, description="the error's code, where it is not the usual one")
    delay: float | None = Field(default=None, ge=0, description="seconds to wait before the answer")
    hold: bool = Field(default=False, description="keep the answer back until the rules are ended")
    cut: int | bool | None = Field(
        default=None, description="close the connection after so many bytes of the answer; true: half of it"
    )
    silence: bool = Field(default=False, description="never answer")
    transport_error: int | None = Field(default=None, lt=0, description="-404, -429, -444")
    short_page: int | None = Field(default=None, ge=1, description="at most so many messages in a page")
    empty_page: bool = Field(default=False, description="a page without messages, whatever there is")
    duplicate_key: bool = Field(
        default=False, description="one key on two open connections is dead ever after (AUTH_KEY_DUPLICATED)"
    )

    @model_validator(mode="after")
    def _one_action(self) -> Self:
        actions = [name for name in _ACTIONS if getattr(self, name) not in (None, False)]
        if len(actions) != 1:
            raise ValueError(
                f"a fault needs exactly one of {', '.join(_ACTIONS)}; this one has {actions or 'none'}"
            )
        return self


def _chat_ids(value: Any, *, depth: int = 3) -> Iterable[int]:  # noqa: ANN401 - any part of a request
    for name, item in vars(value).items():
        if name in ("channel_id", "chat_id", "user_id") and isinstance(item, int):
            yield item
        elif depth and hasattr(item, "CONSTRUCTOR_ID"):
            yield from _chat_ids(item, depth=depth - 1)
        elif depth and isinstance(item, list):
            for part in item:
                if hasattr(part, "CONSTRUCTOR_ID"):
                    yield from _chat_ids(part, depth=depth - 1)


class _Rule:
    """A fault with its counters."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self._calls: Counter[tuple[str, str]] = Counter()
        self._acted: Counter[tuple[str, str]] = Counter()
        self._flood_until: dict[tuple[str, str], float] = {}

    def is_about(self, request: Request, caller: Caller, method: str) -> bool:
        fault = self.fault
        if not fnmatch.fnmatchcase(method, fault.method):
            return False
        if fault.account is not None and (caller.account is None or caller.account.name != fault.account):
            return False
        return fault.chat is None or bare(fault.chat) in _chat_ids(request)

    def acts(self, key: tuple[str, str]) -> bool:
        """Counts a call and tells whether the rule acts on it."""
        fault = self.fault
        self._calls[key] += 1
        past = self._calls[key] - fault.after
        if past < 1 or past % fault.every or (fault.times is not None and self._acted[key] >= fault.times):
            return False
        self._acted[key] += 1
        return True

    def flood_left(self, key: tuple[str, str], now: float) -> int | None:
        """The seconds of a flood wait that holds for this call, or None."""
        until = self._flood_until.get(key)
        if until is not None:
            if now < until:
                return max(1, round(until - now))
            del self._flood_until[key]
            self._calls[key] = 0
        if self.fault.flood_wait is None or not self.acts(key):
            return None
        self._flood_until[key] = now + self.fault.flood_wait
        return self.fault.flood_wait


class Faults:
    """The rules in force, and how many requests they hold back now (`held`); a gate of the dispatcher."""

    def __init__(
        self,
        faults: Iterable[Fault] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rules = [_Rule(fault) for fault in faults]
        self._clock = clock
        self._sleep = sleep
        self.held = 0

    def add(self, fault: Fault) -> None:
        """Puts a rule in force, from any thread."""
        self._rules = [*self._rules, _Rule(fault)]

    def clear(self) -> None:
        """Ends every rule, those of the scenario too."""
        self._rules = []

    @property
    def forbids_duplicate_keys(self) -> bool:
        """Whether one key on two connections is punished."""
        return any(rule.fault.duplicate_key for rule in self._rules)

    async def __call__(self, request: Request, caller: Caller) -> Request:
        """Lets the rules act on a request, in their order; the first refusal ends it.

        Raises:
            RpcError: an error or a flood wait is due.
            CutConnectionError: the connection is to be cut.
            SilenceError: no answer is to be given.
            TransportFaultError: a transport error is due.
        """
        if not self._rules:
            return request
        method = method_name(request)
        key = (caller.account.name if caller.account else "", method)
        for rule in self._rules:
            if rule.fault.duplicate_key or not rule.is_about(request, caller, method):
                continue
            if rule.fault.flood_wait is not None:
                left = rule.flood_left(key, self._clock())
                if left is not None:
                    raise RpcError(420, f"FLOOD_WAIT_{left}")
            elif rule.acts(key):
                await self._wait(rule)
                request = _act(rule.fault, request)
        return request

    async def _wait(self, rule: _Rule) -> None:
        if rule.fault.delay is not None:
            await self._sleep(rule.fault.delay)
        if rule.fault.hold:
            self.held += 1
            try:
                while rule in self._rules:  # any thread may end it: an event would be its loop's own
                    await self._sleep(0.01)
            finally:
                self.held -= 1


def _act(fault: Fault, request: Request) -> Request:
    if fault.error is not None:
        raise RpcError(fault.code if fault.code is not None else error_code(fault.error), fault.error)
    if fault.cut is not None:
        raise CutConnectionError(0 if fault.cut is True else int(fault.cut))
    if fault.silence:
        raise SilenceError
    if fault.transport_error is not None:
        raise TransportFaultError(fault.transport_error)
    if fault.short_page is not None and hasattr(request, "limit"):
        request = copy.copy(request)
        request.limit = min(request.limit or fault.short_page, fault.short_page)
    elif fault.empty_page and hasattr(request, "max_id"):
        # A page is cut out of the list first and trimmed by max_id after that, so no message is left in it.
        request = copy.copy(request)
        request.max_id = 1
    return request
