"""How a client and the server agree on an auth key (https://core.telegram.org/mtproto/auth_key).

Both ways of encrypting the inner data are taken: the old one (SHA-1, data, random bytes), which Telethon and
Pyrogram use, and RSA_PAD of the official clients.
"""

import hashlib
import os
import struct
from typing import Any

from telethon.crypto import AES, AuthKey
from telethon.errors.common import TypeNotFoundError
from telethon.extensions import BinaryReader
from telethon.helpers import generate_key_data_from_nonce
from telethon.tl import functions, types

from tg_fetcher_sandbox.clock import Clock
from tg_fetcher_sandbox.keys import AUTH_KEY_SIZE, KeyStore

DH_GENERATOR = 3
DH_PRIME = bytes.fromhex(
    "c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f48198a0aa7c14058229493d22530f4db"
    "fa336f6e0ac925139543aed44cce7c3720fd51f69458705ac68cd4fe6b6b13abdc9746512969328454f18faf8c595f64"
    "2477fe96bb2a941d5bcd1d4ac8cc49880708fa9b378e3c4f3a9060bee67cf9a4a4a695811051907e162753b56b0f6b41"
    "0dba74d8a84b2a14b3144e0ef1284754fd17ed950d5965b4b9dd46582db1178d169c6bc465b0d6ff9ca3928fef5b9ae4"
    "e418fc15e83ebea0f87fa9ff5eed70050ded2849f47bf959d956850ce929851f0d8115f635b105ee2e4e15d04b2454bf"
    "6f4fadf034b10403119cd8e3b92fcc5b"
)
"""Telegram's own safe prime: clients know it and some refuse any other."""

_P, _Q = 0x494C553B, 0x53911073
"""The factors from Telegram's sample: the client's proof of work protects nothing here."""

_INNER_DATA = (types.PQInnerData, types.PQInnerDataDc, types.PQInnerDataTemp, types.PQInnerDataTempDc)
_RSA_PAD_DATA = 192
_SHA1 = 20
_SALT_SIZE = 8


class HandshakeError(Exception):
    """The client's step does not fit; real Telegram closes the connection."""


def _bytes_of(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _read(data: bytes) -> tuple[Any, int]:
    """The TL object at the start of `data`, and its length."""
    try:
        with BinaryReader(data) as reader:
            return reader.tgread_object(), reader.tell_position()
    except (TypeNotFoundError, BufferError, ValueError, struct.error) as error:
        raise HandshakeError("the inner data cannot be read") from error


def _open_rsa_pad(block: bytes) -> bytes | None:
    """The data of an RSA_PAD block, None where its hash says that it is none."""
    encrypted = block[32:]
    mask = hashlib.sha256(encrypted).digest()
    key = bytes(a ^ b for a, b in zip(block[:32], mask, strict=True))
    opened = AES.decrypt_ige(encrypted, key, bytes(32))
    data = opened[:_RSA_PAD_DATA][::-1]
    return data if hashlib.sha256(key + data).digest() == opened[_RSA_PAD_DATA:] else None


def _open_sha1_padded(block: bytes) -> bytes:
    """The data of the old padding, whose SHA-1 stands before it."""
    data = block[1 + _SHA1 :]
    _, length = _read(data)
    if hashlib.sha1(data[:length], usedforsecurity=False).digest() != block[1 : 1 + _SHA1]:
        raise HandshakeError("the hash of the inner data is wrong")
    return data


class KeyExchange:
    """One client's way to an auth key, over one connection."""

    def __init__(self, keys: KeyStore, *, clock: Clock | None = None) -> None:
        self._keys = keys
        self._clock = clock or Clock()
        self._nonce = 0
        self._server_nonce = 0
        self._new_nonce = 0
        self._a = 0
        self.salts: dict[int, int] = {}
        """The first salt of each key made here, by the key's number."""

    def answer(self, body: bytes) -> bytes:
        """Answers one unencrypted request.

        Raises:
            HandshakeError: it is no step of a key exchange, or not the next one.
        """
        request, _ = _read(body)
        if isinstance(request, functions.ReqPqMultiRequest | functions.ReqPqRequest):
            answer = self._res_pq(request.nonce)
        elif getattr(request, "server_nonce", None) != self._server_nonce or request.nonce != self._nonce:
            raise HandshakeError("the nonces are not those of this connection")
        elif isinstance(request, functions.ReqDHParamsRequest):
            answer = self._dh_params(request)
        elif isinstance(request, functions.SetClientDHParamsRequest):
            answer = self._dh_done(request)
        else:
            raise HandshakeError("not a step of a key exchange")
        return bytes(answer)

    def _res_pq(self, nonce: int) -> Any:  # noqa: ANN401 - a TL object
        self._nonce = nonce
        self._server_nonce = int.from_bytes(os.urandom(16), "little", signed=True)
        return types.ResPQ(
            nonce=nonce,
            server_nonce=self._server_nonce,
            pq=_bytes_of(_P * _Q),
            server_public_key_fingerprints=[self._keys.server_key.fingerprint],
        )

    def _dh_params(self, request: Any) -> Any:  # noqa: ANN401
        block = self._keys.server_key.decrypt(request.encrypted_data)
        inner, _ = _read(_open_rsa_pad(block) or _open_sha1_padded(block))
        if not isinstance(inner, _INNER_DATA):
            raise HandshakeError("the inner data is of another kind")
        if inner.nonce != self._nonce or inner.server_nonce != self._server_nonce:
            raise HandshakeError("the nonces of the inner data are wrong")
        if {inner.p, inner.q} != {_bytes_of(_P), _bytes_of(_Q)}:
            raise HandshakeError("pq was not factored")
        self._new_nonce = inner.new_nonce
        self._a = int.from_bytes(os.urandom(AUTH_KEY_SIZE), "big")
        g_a = pow(DH_GENERATOR, self._a, int.from_bytes(DH_PRIME, "big"))
        dh_inner = bytes(
            types.ServerDHInnerData(
                nonce=self._nonce,
                server_nonce=self._server_nonce,
                g=DH_GENERATOR,
                dh_prime=DH_PRIME,
                g_a=g_a.to_bytes(AUTH_KEY_SIZE, "big"),
                server_time=int(self._clock.time()),
            )
        )
        hashed = hashlib.sha1(dh_inner, usedforsecurity=False).digest() + dh_inner
        hashed += os.urandom(-len(hashed) % 16)
        key, iv = generate_key_data_from_nonce(self._server_nonce, self._new_nonce)
        return types.ServerDHParamsOk(
            nonce=self._nonce,
            server_nonce=self._server_nonce,
            encrypted_answer=AES.encrypt_ige(hashed, key, iv),
        )

    def _dh_done(self, request: Any) -> Any:  # noqa: ANN401
        key, iv = generate_key_data_from_nonce(self._server_nonce, self._new_nonce)
        if not self._a or len(request.encrypted_data) % 16:
            raise HandshakeError("not the next step of the key exchange")
        opened = AES.decrypt_ige(request.encrypted_data, key, iv)
        inner, length = _read(opened[_SHA1:])
        hashed = hashlib.sha1(opened[_SHA1 : _SHA1 + length], usedforsecurity=False).digest()
        if hashed != opened[:_SHA1] or not isinstance(inner, types.ClientDHInnerData):
            raise HandshakeError("the hash of the client's data is wrong")
        shared = pow(int.from_bytes(inner.g_b, "big"), self._a, int.from_bytes(DH_PRIME, "big"))
        auth_key = self._keys.add(shared.to_bytes(AUTH_KEY_SIZE, "big"))
        self.salts[auth_key.key_id] = self._first_salt()
        return types.DhGenOk(
            nonce=self._nonce,
            server_nonce=self._server_nonce,
            new_nonce_hash1=AuthKey(auth_key.key).calc_new_nonce_hash(self._new_nonce, 1),
        )

    def _first_salt(self) -> int:
        new = self._new_nonce.to_bytes(32, "little", signed=True)[:_SALT_SIZE]
        old = self._server_nonce.to_bytes(16, "little", signed=True)[:_SALT_SIZE]
        return int.from_bytes(bytes(a ^ b for a, b in zip(new, old, strict=True)), "little", signed=True)
