"""The server's RSA key and the auth keys that clients made with it: what must outlive a restart.

An auth key is full access to the account that it is signed in as, so the file is readable by its owner only.
"""

import base64
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import orjson
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from telethon.crypto import rsa as telethon_rsa

from tg_fetcher_sandbox.errors import SandboxError

AUTH_KEY_SIZE = 256


class ServerKey:
    """The RSA key that a client must trust before it makes an auth key with this server.

    Attributes:
        public_pem: the public half as PKCS#1 PEM, which clients take.
        fingerprint: the number by which `resPQ` names it.
    """

    def __init__(self, private_key: rsa.RSAPrivateKey) -> None:
        numbers = private_key.private_numbers()
        self._private_key = private_key
        self._d = numbers.d
        self._n = numbers.public_numbers.n
        self.public_pem = (
            private_key.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode("ascii").strip()
        )
        self.fingerprint: int = telethon_rsa._compute_fingerprint(numbers.public_numbers)  # noqa: SLF001

    @classmethod
    def generate(cls) -> "ServerKey":
        """A new key of 2048 bits, the size of Telegram's own."""
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=2048))

    @classmethod
    def load(cls, pem: str) -> "ServerKey":
        """The key whose private half is in `pem`.

        Raises:
            ValueError: it is no key.
            TypeError: it is a key of another sort.
        """
        key = load_pem_private_key(pem.encode("ascii"), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("the key is not an RSA key")
        return cls(key)

    @property
    def private_pem(self) -> str:
        """The private half as PKCS#1 PEM."""
        return self._private_key.private_bytes(
            Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
        ).decode("ascii")

    def decrypt(self, cipher_text: bytes) -> bytes:
        """Plain RSA without any padding of its own: 256 bytes to 256 bytes."""
        return pow(int.from_bytes(cipher_text, "big"), self._d, self._n).to_bytes(256, "big")


@dataclass(slots=True)
class AuthKey:
    """A key that a client and this server share.

    Attributes:
        key: its 256 bytes.
        account: the account that it is signed in as, None before sign-in.
        ready: True where it was made by the server for that account's ready session.
        refusal: the error that every request with it gets (a duplicated or revoked key), or None.
    """

    key: bytes
    account: str | None = None
    ready: bool = False
    refusal: str | None = None

    @property
    def key_id(self) -> int:
        """The number by which packets name the key."""
        return auth_key_id(self.key)


def auth_key_id(key: bytes) -> int:
    """The lower 64 bits of the key's SHA-1."""
    return int.from_bytes(hashlib.sha1(key, usedforsecurity=False).digest()[12:20], "little")


class KeyStore:
    """The server's key and every auth key, kept in a file where one is named."""

    def __init__(self, server_key: ServerKey, *, path: Path | None = None) -> None:
        self.server_key = server_key
        self._path = path
        self._keys: dict[int, AuthKey] = {}

    @classmethod
    def open(cls, path: Path | None) -> "KeyStore":
        """The store in `path`, made anew where there is none; one that is kept nowhere without a path.

        Raises:
            SandboxError: the file is not a key store.
            OSError: the file cannot be read or written.
        """
        if path is None or not path.exists():
            store = cls(ServerKey.generate(), path=path)
            store.save()
            return store
        try:
            content = orjson.loads(path.read_bytes())
            store = cls(ServerKey.load(content["rsa_private_key"]), path=path)
            for entry in content["auth_keys"]:
                key = AuthKey(base64.b64decode(entry.pop("key")), **entry)
                store._keys[key.key_id] = key
        except (KeyError, TypeError, ValueError) as error:
            raise SandboxError(f"{path} is not a key file of the sandbox") from error
        return store

    def get(self, key_id: int) -> AuthKey | None:
        """The auth key of this number, or None."""
        return self._keys.get(key_id)

    def add(self, key: bytes) -> AuthKey:
        """Keeps a key that a client has just agreed on."""
        added = AuthKey(key)
        self._keys[added.key_id] = added
        self.save()
        return added

    def ready_key(self, account: str) -> AuthKey:
        """The key of the account's ready session, made where there is none."""
        for key in self._keys.values():
            if key.ready and key.account == account:
                return key
        key = self.add(os.urandom(AUTH_KEY_SIZE))
        key.ready = True
        self.bind(key.key_id, account)
        return key

    def bind(self, key_id: int, account: str | None) -> None:
        """Signs a key in as an account, or out."""
        self._keys[key_id].account = account
        self.save()

    def refuse(self, key_id: int, error: str | None) -> None:
        """Lets every request with this key fail with `error`, or none any more."""
        self._keys[key_id].refusal = error
        self.save()

    def forget(self, key_id: int) -> None:
        """Drops a key: its next packet gets the transport error -404."""
        self._keys.pop(key_id, None)
        self.save()

    def of_account(self, account: str) -> list[AuthKey]:
        """Every key that is signed in as the account."""
        return [key for key in self._keys.values() if key.account == account]

    def save(self) -> None:
        """Writes the file, mode 600, whole or not at all."""
        if self._path is None:
            return
        content = {
            "rsa_private_key": self.server_key.private_pem,
            "auth_keys": [
                {
                    "key": base64.b64encode(key.key).decode("ascii"),
                    "account": key.account,
                    "ready": key.ready,
                    "refusal": key.refusal,
                }
                for key in self._keys.values()
            ],
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        temporary.unlink(missing_ok=True)
        with open(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:  # noqa: PTH123
            file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2))
        temporary.replace(self._path)
