"""A pair of keys, Ed25519 or SM2 (over SM3): signs and is checked the same way for seals of months and for what persons sign.

Which algorithm a public key is of is told by its length.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Literal

from ledger.access.signing import sm2
from ledger.core.errors import InvalidInput

Algorithm = Literal["Ed25519", "SM2"]
ED25519: Final[Algorithm] = "Ed25519"
SM2: Final[Algorithm] = "SM2"
ALGORITHMS: Final[Mapping[str, Algorithm]] = {"ed25519": ED25519, "sm2": SM2}
"""By the word that is typed."""
PUBLIC_SIZES: Final[Mapping[int, Algorithm]] = {32: ED25519, sm2.PUBLIC_SIZE: SM2}


def algorithm_named(word: str) -> Algorithm:
    """The algorithm a person named. Raises InvalidInput `seal.algorithm`."""
    found = ALGORITHMS.get(word.strip().lower())
    if found is None:
        known = "、".join(ALGORITHMS)
        raise InvalidInput("seal.algorithm", f"不认识签名算法“{word[:20]}”，可用{known}", value=word[:20])
    return found


def key_id(public: str) -> str:
    """The digest of the raw public key, in hex: what is printed on paper and compared. SHA-256, of an SM2 key SM3.

    Raises ValueError where it is not hexadecimal.
    """
    raw = bytes.fromhex(public)
    if len(raw) != sm2.PUBLIC_SIZE:
        return sha256(raw).hexdigest()
    from cryptography.hazmat.primitives import hashes

    digest = hashes.Hash(hashes.SM3())
    digest.update(raw)
    return digest.finalize().hex()


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A pair of keys."""

    algorithm: Algorithm
    private: bytes
    public: str
    """The raw public key in hex: 32 bytes, of SM2 65 (04, x, y)."""

    @property
    def id(self) -> str:
        """Its fingerprint."""
        return key_id(self.public)

    def sign(self, data: bytes) -> str:
        """The signature in hex, 64 bytes."""
        if self.algorithm == SM2:
            return sm2.sign(self.private, data).hex()
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.private).sign(data).hex()

    def signature(self, data: bytes) -> dict[str, str]:
        """The signature with all that is needed to check it."""
        return {
            "algorithm": self.algorithm,
            "key_id": self.id,
            "public_key": self.public,
            "signature": self.sign(data),
        }


def signature_flaw(told: Mapping[str, Any], data: bytes) -> str:
    """What is wrong with a signature as `KeyPair.signature` tells it, over these bytes: "" where nothing is.

    Raises KeyError, TypeError, ValueError where it is not even the shape of one.
    """
    public, signature = bytes.fromhex(told["public_key"]), bytes.fromhex(told["signature"])
    if told["algorithm"] not in (ED25519, SM2):
        return "不认识的算法"
    if PUBLIC_SIZES.get(len(public)) != told["algorithm"]:
        return "公钥与所称的算法不符"
    if told["key_id"] != key_id(told["public_key"]):
        return "公钥与其指纹不符"
    if (public.hex(), signature.hex()) != (told["public_key"], told["signature"]):
        return "不是小写的十六进制数，已被改动"
    return "" if is_signed(told["algorithm"], public, signature, data) else "签名与所签的内容不符"


def is_signed(algorithm: str, public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the bytes were signed by that key; raises ValueError where the key is none."""
    if algorithm == SM2:
        return sm2.verify(public, signature, data)
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def generate(algorithm: Algorithm) -> bytes:
    """A new private key, 32 bytes."""
    if algorithm == SM2:
        return sm2.generate()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate().private_bytes_raw()


def pair(algorithm: Algorithm, private: bytes) -> KeyPair:
    """The pair of a private key; raises ValueError where it is none."""
    if algorithm == SM2:
        return KeyPair(SM2, private, sm2.public_of(private).hex())
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = Ed25519PrivateKey.from_private_bytes(private).public_key()
    return KeyPair(ED25519, private, public.public_bytes_raw().hex())
