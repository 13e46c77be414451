"""Signing in and out: by code, by QR and with the 2FA password.

An auth key is bound to an account here; every other method only sees the account. The code of an account is
the one in the scenario, at any time; nothing is sent anywhere.
"""

import os
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from telethon.tl import functions, types

from tg_fetcher_sandbox.keys import KeyStore
from tg_fetcher_sandbox.password import Challenge
from tg_fetcher_sandbox.rpc import Account, Answer, Caller, Dispatcher, Request, RpcError

CODE_HASH_SIZE = 9
TOKEN_LIFETIME = timedelta(seconds=30)

Push = Callable[[int, Any], None]
"""Sends an update to every open connection of an auth key."""


def _digits(phone: str) -> str:
    return "".join(filter(str.isdigit, phone))


class AuthMethods:
    """The `auth.*` methods and `account.getPassword`.

    Args:
        accounts: who can sign in.
        keys: where a key's account is kept.
        push: how a client that shows a QR code learns that it was scanned.
    """

    def __init__(self, accounts: Iterable[Account], *, keys: KeyStore, push: Push) -> None:
        self._by_phone = {_digits(account.phone): account for account in accounts}
        self._by_name = {account.name: account for account in self._by_phone.values()}
        self._keys = keys
        self._push = push
        self._code_hashes: dict[str, str] = {}
        self._half_signed_in: dict[int, Account] = {}
        self._challenges: dict[int, Challenge] = {}
        self._tokens: dict[bytes, tuple[int, float]] = {}
        self._dispatcher = Dispatcher()

    def register(self, dispatcher: Dispatcher) -> None:
        """Lets the dispatcher answer with these methods."""
        self._dispatcher = dispatcher
        dispatcher.register(functions.auth.SendCodeRequest, self.send_code)
        dispatcher.register(functions.auth.ResendCodeRequest, self.resend_code)
        dispatcher.register(functions.auth.CancelCodeRequest, self.cancel_code)
        dispatcher.register(functions.auth.SignInRequest, self.sign_in)
        dispatcher.register(functions.auth.CheckPasswordRequest, self.check_password)
        dispatcher.register(functions.account.GetPasswordRequest, self.get_password)
        dispatcher.register(functions.auth.LogOutRequest, self.log_out)
        dispatcher.register(functions.auth.ExportLoginTokenRequest, self.export_login_token)
        dispatcher.register(functions.auth.ImportLoginTokenRequest, self.import_login_token)
        dispatcher.register(functions.auth.AcceptLoginTokenRequest, self.accept_login_token)

    def send_code(self, request: Request, _caller: Caller) -> Answer:
        """Pretends to send the code to the account's app.

        Raises:
            RpcError: PHONE_NUMBER_INVALID where the number is none.
        """
        phone = _digits(request.phone_number)
        if not phone:
            raise RpcError(400, "PHONE_NUMBER_INVALID")
        code_hash = self._code_hashes[phone] = os.urandom(CODE_HASH_SIZE).hex()
        known = self._by_phone.get(phone)
        return types.auth.SentCode(
            type=types.auth.SentCodeTypeApp(length=len(known.code) if known else 5),
            phone_code_hash=code_hash,
        )

    def resend_code(self, request: Request, caller: Caller) -> Answer:
        """Sends the code again."""
        return self.send_code(request, caller)

    def cancel_code(self, request: Request, _caller: Caller) -> Answer:
        """Forgets that a code was sent."""
        return self._code_hashes.pop(_digits(request.phone_number), None) is not None

    async def sign_in(self, request: Request, caller: Caller) -> Answer:
        """Signs a key in by phone and code.

        Raises:
            RpcError: the code or its hash is wrong, or the password is still to be proved.
        """
        phone = _digits(request.phone_number)
        if not request.phone_code:
            raise RpcError(400, "PHONE_CODE_EMPTY")
        if self._code_hashes.get(phone) != request.phone_code_hash:
            raise RpcError(400, "PHONE_CODE_EXPIRED")
        account = self._by_phone.get(phone)
        if account is None:
            # Nobody can know the code of a number without an account here, so any code leads to registration.
            return types.auth.AuthorizationSignUpRequired()
        if request.phone_code != account.code:
            raise RpcError(400, "PHONE_CODE_INVALID")
        return await self._admit(account, caller)

    async def _admit(self, account: Account, caller: Caller) -> Answer:
        if account.password is not None:
            self._half_signed_in[caller.auth_key_id] = account
            raise RpcError(401, "SESSION_PASSWORD_NEEDED")
        return await self._authorize(account, caller)

    async def _authorize(self, account: Account, caller: Caller) -> Answer:
        self._keys.bind(caller.auth_key_id, account.name)
        self._half_signed_in.pop(caller.auth_key_id, None)
        asked = functions.users.GetUsersRequest([types.InputUserSelf()])
        (user,) = await self._dispatcher.call(asked, Caller(account=account))
        return types.auth.Authorization(user=user)

    def get_password(self, _request: Request, caller: Caller) -> Answer:
        """Gives the parameters with which a client proves that it knows the password."""
        account = caller.account or self._half_signed_in.get(caller.auth_key_id)
        if account is None:
            raise RpcError(401, "AUTH_KEY_UNREGISTERED")
        common = {
            "new_algo": types.PasswordKdfAlgoUnknown(),
            "new_secure_algo": types.SecurePasswordKdfAlgoUnknown(),
            "secure_random": os.urandom(256),
        }
        if account.password is None:
            return types.account.Password(**common)
        challenge = self._challenges[caller.auth_key_id] = Challenge.make(account.password)
        return types.account.Password(
            **common,
            has_password=True,
            current_algo=challenge.algorithm,
            srp_B=challenge.public,
            srp_id=challenge.srp_id,
            hint="as in the scenario",
        )

    async def check_password(self, request: Request, caller: Caller) -> Answer:
        """Signs a key in whose client knows the password.

        Raises:
            RpcError: PASSWORD_HASH_INVALID or SRP_ID_INVALID.
        """
        account = self._half_signed_in.get(caller.auth_key_id)
        if account is None:
            raise RpcError(401, "AUTH_KEY_UNREGISTERED")
        challenge = self._challenges.pop(caller.auth_key_id, None)
        if challenge is None or getattr(request.password, "srp_id", None) != challenge.srp_id:
            raise RpcError(400, "SRP_ID_INVALID")
        if not challenge.is_answered_by(request.password):
            raise RpcError(400, "PASSWORD_HASH_INVALID")
        return await self._authorize(account, caller)

    def log_out(self, _request: Request, caller: Caller) -> Answer:
        """Signs the key out."""
        caller.signed_in_account()
        self._keys.bind(caller.auth_key_id, None)
        return types.auth.LoggedOut()

    async def export_login_token(self, _request: Request, caller: Caller) -> Answer:
        """Gives a token for a QR code, or the result where the last one was scanned."""
        if caller.account is not None:
            answer = await self._authorize(caller.account, caller)
            return types.auth.LoginTokenSuccess(authorization=answer)
        scanned_by = self._half_signed_in.get(caller.auth_key_id)
        if scanned_by is not None:
            return types.auth.LoginTokenSuccess(authorization=await self._admit(scanned_by, caller))
        token = os.urandom(32)
        self._tokens[token] = (caller.auth_key_id, time.time() + TOKEN_LIFETIME.total_seconds())
        return types.auth.LoginToken(expires=datetime.now(UTC) + TOKEN_LIFETIME, token=token)

    async def import_login_token(self, request: Request, caller: Caller) -> Answer:
        """Answers as `exportLoginToken`; real clients call it at another data centre.

        Raises:
            RpcError: AUTH_TOKEN_INVALID for a token that was never given.
        """
        if request.token not in self._tokens:
            raise RpcError(400, "AUTH_TOKEN_INVALID")
        return await self.export_login_token(request, caller)

    def accept_login_token(self, request: Request, caller: Caller) -> Answer:
        """A signed-in client scans the QR code of another one.

        Raises:
            RpcError: the token is unknown or too old.
        """
        account = caller.signed_in_account()
        key_id, expires = self._tokens.pop(request.token, (0, 0.0))
        if not key_id:
            raise RpcError(400, "AUTH_TOKEN_INVALID")
        if expires < time.time():
            raise RpcError(400, "AUTH_TOKEN_EXPIRED")
        self._half_signed_in[key_id] = account
        now = datetime.now(UTC)
        self._push(key_id, types.UpdateShort(update=types.UpdateLoginToken(), date=now))
        return types.Authorization(
            hash=key_id >> 1,
            device_model="sandbox",
            platform="sandbox",
            system_version="1",
            api_id=1,
            app_name="sandbox",
            app_version="1",
            date_created=now,
            date_active=now,
            ip="127.0.0.1",
            country="",
            region="",
        )
