"""Two-step verification: the server's side of SRP 2048 (https://core.telegram.org/api/srp).

The password itself never travels; the client proves that it knows it.
"""

import hmac
import os
from dataclasses import dataclass
from typing import Any

from telethon import password as telethon_password
from telethon.password import big_num_for_hash, compute_hash, sha256, xor
from telethon.tl import types

from tg_fetcher_sandbox.handshake import DH_GENERATOR, DH_PRIME

_PRIME = int.from_bytes(DH_PRIME, "big")
_SALT1_SIZE = 40
_SALT2_SIZE = 16


@dataclass(frozen=True, slots=True)
class Challenge:
    """One question to a client.

    Attributes:
        srp_id: its number, which the answer names.
        algorithm: the parameters, as `account.password` gives them.
        verifier: g to the power of the password's hash.
        secret: the server's random exponent.
        public: what the client gets of it (`srp_B`).
    """

    srp_id: int
    algorithm: Any
    verifier: int
    secret: int
    public: bytes

    @classmethod
    def make(cls, password: str) -> "Challenge":
        """A new question about this password, with salts of its own."""
        algorithm = types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow(
            salt1=os.urandom(_SALT1_SIZE), salt2=os.urandom(_SALT2_SIZE), g=DH_GENERATOR, p=DH_PRIME
        )
        x = int.from_bytes(compute_hash(algorithm, password), "big")
        verifier = pow(DH_GENERATOR, x, _PRIME)
        k = int.from_bytes(sha256(DH_PRIME, big_num_for_hash(DH_GENERATOR)), "big")
        while True:  # a client refuses a g^b too close to either end
            secret = int.from_bytes(os.urandom(256), "big")
            g_b = pow(DH_GENERATOR, secret, _PRIME)
            if telethon_password.is_good_mod_exp_first(g_b, _PRIME):
                break
        return cls(
            srp_id=int.from_bytes(os.urandom(7), "little"),
            algorithm=algorithm,
            verifier=verifier,
            secret=secret,
            public=big_num_for_hash((k * verifier + g_b) % _PRIME),
        )

    def is_answered_by(self, answer: Any) -> bool:  # noqa: ANN401 - InputCheckPasswordSRP
        """Whether the client knows the password."""
        a = int.from_bytes(answer.A, "big")
        if not 0 < a < _PRIME:
            return False
        a_bytes = big_num_for_hash(a)
        u = int.from_bytes(sha256(a_bytes, self.public), "big")
        shared = pow(a * pow(self.verifier, u, _PRIME), self.secret, _PRIME)
        proof = sha256(
            xor(sha256(DH_PRIME), sha256(big_num_for_hash(DH_GENERATOR))),
            sha256(self.algorithm.salt1),
            sha256(self.algorithm.salt2),
            a_bytes,
            self.public,
            sha256(big_num_for_hash(shared)),
        )
        return hmac.compare_digest(proof, answer.M1)
