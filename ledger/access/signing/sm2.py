"""SM2 signatures (GB/T 32918.2 on the curve of GB/T 32918.5) over SM3, with the usual user id of GB/T 35276.

The curve is `gmalg`'s, pure Python: some ten milliseconds a signature, and not guarded against an observer of its timing, so
a seal is signed where nobody else computes, or with an HSM's key in its place. SM3 is that of `cryptography`, a thousand
times as fast, so that what is signed may be megabytes.
"""

from __future__ import annotations

import hmac
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from gmalg.sm2 import SM2Core

USER_ID: Final = b"1234567812345678"
_SIZE: Final = 32
PUBLIC_SIZE: Final = 1 + 2 * _SIZE
SIGNATURE_SIZE: Final = 2 * _SIZE


class _Sm3:
    """SM3 as `gmalg` asks for a hash."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin again."""
        from cryptography.hazmat.primitives import hashes

        self._state = hashes.Hash(hashes.SM3())

    def update(self, data: bytes) -> None:
        """Take in more."""
        self._state.update(bytes(data))

    def value(self) -> bytes:
        """Of all that was taken in."""
        return self._state.copy().finalize()


def core(random_bits: Callable[[int], int] | None = None) -> SM2Core:
    """The algorithm; `random_bits(n)` gives its secret numbers, the operating system's where it is not named."""
    from gmalg.sm2 import SM2Core, _ecdlp

    return SM2Core(_ecdlp, _Sm3(), random_bits)


_core = cache(core)


def generate() -> bytes:
    """A new private key, 32 bytes."""
    secret, _ = _core().generate_keypair()
    return bytes(secret.to_bytes(_SIZE, "big"))


def public_of(private: bytes) -> bytes:
    """The public key, 65 bytes: 04, x, y. Raises ValueError where the private one is not between 1 and n-2."""
    secret = int.from_bytes(private, "big")
    if len(private) != _SIZE or not 1 <= secret <= _core().ecdlp.fpn.p - 2:
        raise ValueError("not an SM2 private key")
    x, y = _core().generate_pk(secret)
    return bytes(b"\x04" + x.to_bytes(_SIZE, "big") + y.to_bytes(_SIZE, "big"))


def sign(private: bytes, data: bytes, algorithm: SM2Core | None = None) -> bytes:
    """r and s, 32 bytes each: always the same for the same key and bytes, as Ed25519 has it, so that what is signed twice is
    the same file, and a weak source of random numbers gives no key away.
    """
    r, s = (algorithm or core(_numbers(private, data))).sign(data, int.from_bytes(private, "big"), USER_ID)
    return bytes(r.to_bytes(_SIZE, "big") + s.to_bytes(_SIZE, "big"))


def _numbers(private: bytes, data: bytes) -> Callable[[int], int]:
    """Secret numbers of so many bits, one after the other, that only who has the key can tell."""
    count = 0

    def bits(wanted: int) -> int:
        nonlocal count
        count += 1
        made = hmac.digest(private, b"SM2 nonce" + count.to_bytes(4, "big") + sha256(data).digest(), "sha256")
        return int.from_bytes(made, "big") >> (8 * len(made) - wanted)

    return bits


def verify(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the signature is of these bytes by this key. Raises ValueError where the key is no point of the curve."""
    if len(public) != PUBLIC_SIZE or public[0] != 4:
        raise ValueError("not an SM2 public key")
    point = (int.from_bytes(public[1 : 1 + _SIZE], "big"), int.from_bytes(public[1 + _SIZE :], "big"))
    found = _core()
    if max(point) >= found.ecdlp.fp.p or not found.verify_pk(point):
        raise ValueError("not a point of the SM2 curve")
    if len(signature) != SIGNATURE_SIZE:
        return False
    r, s = int.from_bytes(signature[:_SIZE], "big"), int.from_bytes(signature[_SIZE:], "big")
    return bool(found.verify(data, r, s, USER_ID, point))
