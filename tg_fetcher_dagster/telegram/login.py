"""Signing in: phone and code, QR, the 2FA password, or a session that somebody brings along.

Only a person starts these; a worker never asks for a login code (telegram.md, 27). Nothing here prints or
reads: the callbacks ask.
"""

import inspect
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import structlog
from telethon import errors as telethon_errors

from tg_fetcher_dagster.accounts.lease import account_lease
from tg_fetcher_dagster.accounts.request_counts import RequestCounts
from tg_fetcher_dagster.accounts.restrictions import Restrictions
from tg_fetcher_dagster.accounts.sessions import KeySession, login_session, stored_session
from tg_fetcher_dagster.accounts.store import AccountStore, StoredAccount
from tg_fetcher_dagster.errors import ErrorType, FetchError
from tg_fetcher_dagster.ledger.database import Ledger
from tg_fetcher_dagster.settings import Settings
from tg_fetcher_dagster.telegram.client import connected, make_client, reconnected
from tg_fetcher_dagster.telegram.errors import EXPECTED, sort_error
from tg_fetcher_dagster.telegram.opening import account_line, own_user
from tg_fetcher_dagster.telegram.peers import title_of

log = structlog.get_logger(__name__)

T = TypeVar("T")

Ask = Callable[[str], str | Awaitable[str]]
"""Asks a person and returns the answer; gets what was wrong with the last one, or an empty text."""

Show = Callable[[str], Awaitable[None] | None]
"""Shows a `tg://login` link as a QR code; called again when a code has expired."""

ANSWERS = 3
"""How often a wrong code or password may be typed; Telegram itself blocks after a few more."""

QR_CODES = 10
QR_SECONDS = 28.0
"""A QR code lives for about 30 s: five minutes in all. When it ends is told in Telegram's time, which a
machine whose clock is ahead would take for past."""

MOVED = (
    telethon_errors.PhoneMigrateError,
    telethon_errors.NetworkMigrateError,
    telethon_errors.UserMigrateError,
)
"""The number belongs to another data centre: https://core.telegram.org/api/datacenter."""


async def sign_in_with_code(
    settings: Settings, *, account: str, phone: str, ask_code: Ask, ask_password: Ask
) -> StoredAccount:
    """Signs in with a phone number and the code that Telegram sends, and keeps the session.

    Raises:
        FetchError: (validation) a wrong number, code or password; (auth, rate_limit, network) Telegram's no.
    """

    async def sign_in(client: Any) -> None:  # noqa: ANN401 - Telethon is untyped
        await _where_it_belongs(lambda: client.send_code_request(phone))

        async def give_code(code: str) -> None:
            await reconnected(client)
            await client.sign_in(phone, code)

        try:
            await _answered(ask_code, give_code, wrong=telethon_errors.PhoneCodeInvalidError)
        except telethon_errors.SessionPasswordNeededError:
            await _give_password(client, ask_password)

    return await _signed_in(settings, account=account, phone=phone, sign_in=sign_in)


async def sign_in_with_qr(
    settings: Settings, *, account: str, show_qr: Show, ask_password: Ask
) -> StoredAccount:
    """Signs in by a QR code that a phone scans (Settings, Devices), and keeps the session.

    Raises:
        FetchError: (validation) nobody scanned it, or a wrong password; (auth, rate_limit, network).
    """

    async def sign_in(client: Any) -> None:  # noqa: ANN401 - Telethon is untyped
        try:
            code = await _where_it_belongs(client.qr_login)
            for _ in range(QR_CODES):
                await _awaited(show_qr(code.url))
                try:
                    await code.wait(QR_SECONDS)
                except TimeoutError:
                    await reconnected(client)
                    await code.recreate()
                else:
                    return
        except telethon_errors.SessionPasswordNeededError:
            await _give_password(client, ask_password)
            return
        raise FetchError(ErrorType.VALIDATION, "nobody scanned the QR code")

    return await _signed_in(settings, account=account, phone=None, sign_in=sign_in)


async def import_session(settings: Settings, *, account: str, session: str) -> StoredAccount:
    """Keeps a StringSession of a signed-in account, once it has proved to work.

    The server's address and the key come from the session itself.

    Raises:
        FetchError: (validation) it is no StringSession; (auth) Telegram refuses it; (network).
    """
    opened = stored_session(session)
    store = AccountStore(settings.session_dir, settings.session_key)
    store.prepare()
    async with AsyncExitStack() as stack:
        ledger = stack.enter_context(Ledger.open(settings.ledger_location))
        restrictions, counts = Restrictions(ledger, account), RequestCounts()
        await stack.enter_async_context(account_lease(settings.session_dir, account))
        stack.callback(counts.keep, ledger)
        send = account_line(
            settings, opened, restrictions=restrictions, quarantine=_not_kept_yet, counts=counts
        )
        try:
            me = await own_user(send, about=f"account {account}")
        finally:
            await send.close()
        return _kept(store, restrictions, opened, me)


def _not_kept_yet(_reason: str) -> None:
    """A session that proves of no use is simply not kept."""


async def _signed_in(
    settings: Settings, *, account: str, phone: str | None, sign_in: Callable[[Any], Awaitable[None]]
) -> StoredAccount:
    session, counts = login_session(settings), RequestCounts()
    client = make_client(session, settings, account=account, counts=counts)
    store = AccountStore(settings.session_dir, settings.session_key)
    store.prepare()
    async with AsyncExitStack() as stack:
        ledger = stack.enter_context(Ledger.open(settings.ledger_location))
        restrictions = Restrictions(ledger, account)
        await stack.enter_async_context(account_lease(settings.session_dir, account))
        stack.callback(counts.keep, ledger)
        try:
            async with connected(client):
                await sign_in(client)
                me = await client.get_me()
        except EXPECTED as error:
            raise sort_error(error, about="sign-in") from error
        if me is None:
            raise FetchError(ErrorType.AUTH, "sign-in: Telegram did not take it")
        log.info("signed in", account=account, user_id=me.id)
        return _kept(store, restrictions, session, me, phone=phone)


def _kept(
    store: AccountStore,
    restrictions: Restrictions,
    session: KeySession,
    me: Any,  # noqa: ANN401 - Telethon is untyped
    *,
    phone: str | None = None,
) -> StoredAccount:
    if me.bot:
        raise FetchError(
            ErrorType.VALIDATION,
            f"account {restrictions.account}: this is a bot's session, and bots may not read histories:"
            " sign in as a person",
        )
    known_phone = f"+{me.phone.removeprefix('+')}" if me.phone else None
    kept = store.save(
        restrictions.account,
        session.save(),
        user_id=me.id,
        display_name=title_of(me) or None,
        phone=phone or known_phone,
    )
    restrictions.signed_in(me.id)
    return kept


async def _give_password(client: Any, ask_password: Ask) -> None:  # noqa: ANN401 - Telethon is untyped
    async def give(password: str) -> None:
        await reconnected(client)
        await client.sign_in(password=password)

    await _answered(ask_password, give, wrong=telethon_errors.PasswordHashInvalidError)


async def _where_it_belongs(ask: Callable[[], Awaitable[T]]) -> T:
    """Asks, and once more where Telegram sends the sign-in elsewhere: Telethon has gone there by then."""
    try:
        return await ask()
    except MOVED:
        return await ask()


async def _answered(ask: Ask, give: Callable[[str], Awaitable[None]], *, wrong: type[Exception]) -> None:
    """Asks until the answer is taken, a few times at most."""
    said = ""
    for left in reversed(range(ANSWERS)):
        answer = (await _awaited(ask(said))).strip()
        if not answer:
            raise FetchError(ErrorType.VALIDATION, "sign-in: nothing was typed")
        try:
            await give(answer)
        except wrong as error:
            if not left:
                raise
            said = sort_error(error, about="sign-in").message
        else:
            return


async def _awaited(value: Any) -> Any:  # noqa: ANN401 - callbacks may be plain or async
    return await value if inspect.isawaitable(value) else value
