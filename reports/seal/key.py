"""The keys an installation seals with: Ed25519 or SM2 (over SM3), one pair of each a home, the private half readable by its
owner only. Which algorithm a public key is of is told by its length.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal

from ledger.core.errors import InvalidInput
from ledger.core.os_errors import os_reason
from ledger.db.passwords import write_private
from reports.seal import sm2

Algorithm = Literal["Ed25519", "SM2"]
ED25519: Final[Algorithm] = "Ed25519"
SM2: Final[Algorithm] = "SM2"
ALGORITHMS: Final[Mapping[str, Algorithm]] = {"ed25519": ED25519, "sm2": SM2}
"""By the word that is typed."""
_PUBLIC_SIZES: Final[Mapping[int, Algorithm]] = {32: ED25519, sm2.PUBLIC_SIZE: SM2}


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
class SealKey:
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
    """What is wrong with a signature as `SealKey.signature` tells it, over these bytes: "" where nothing is.

    Raises KeyError, TypeError, ValueError where it is not even the shape of one.
    """
    public, signature = bytes.fromhex(told["public_key"]), bytes.fromhex(told["signature"])
    if told["algorithm"] not in (ED25519, SM2):
        return "不认识的算法"
    if _PUBLIC_SIZES.get(len(public)) != told["algorithm"]:
        return "公钥与所称的算法不符"
    if told["key_id"] != key_id(told["public_key"]):
        return "公钥与其指纹不符"
    if (public.hex(), signature.hex()) != (told["public_key"], told["signature"]):
        return "不是小写的十六进制数，已被改动"
    return "" if _signed(told["algorithm"], public, signature, data) else "签名与所签的内容不符"


def _signed(algorithm: Algorithm, public: bytes, signature: bytes, data: bytes) -> bool:
    if algorithm == SM2:
        return sm2.verify(public, signature, data)
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def private_path(home: Path, algorithm: Algorithm = ED25519) -> Path:
    """Where the private key of a home lies."""
    return home / "secrets" / f"seal-{algorithm.lower()}.key"


def public_path(home: Path, algorithm: Algorithm = ED25519) -> Path:
    """Where the public key lies: may be copied anywhere, and should be."""
    return home / "seal" / ("public.key" if algorithm == ED25519 else f"public-{algorithm.lower()}.key")


def ensure_key(home: Path, algorithm: Algorithm = ED25519) -> tuple[SealKey, bool]:
    """The home's key, made now where there is none, and whether it was. Raises InvalidInput `seal.key`."""
    path = private_path(home, algorithm)
    try:
        if path.is_file():
            return _pair(algorithm, bytes.fromhex(path.read_text().strip())), False
        made = _pair(algorithm, _generate(algorithm))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        public_path(home, algorithm).parent.mkdir(parents=True, exist_ok=True)
        write_private(path, made.private.hex() + "\n")
        public_path(home, algorithm).write_text(made.public + "\n")
    except ValueError as error:
        raise InvalidInput("seal.key", f"签名密钥{path}不能读取：内容不是一个密钥", file=str(path)) from error
    except OSError as error:
        raise InvalidInput(
            "seal.key", f"签名密钥{path}不能读写：{os_reason(error)}", file=str(path)
        ) from error
    return made, True


def _generate(algorithm: Algorithm) -> bytes:
    if algorithm == SM2:
        return sm2.generate()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate().private_bytes_raw()


def _pair(algorithm: Algorithm, private: bytes) -> SealKey:
    if algorithm == SM2:
        return SealKey(SM2, private, sm2.public_of(private).hex())
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = Ed25519PrivateKey.from_private_bytes(private).public_key()
    return SealKey(ED25519, private, public.public_bytes_raw().hex())


def read_public(path: Path) -> str:
    """A public key somebody kept: 64 hexadecimal digits, of SM2 130. Raises InvalidInput `seal.key`."""
    try:
        text = path.read_text().strip().lower()
        if len(bytes.fromhex(text)) in _PUBLIC_SIZES:
            return text
    except (OSError, ValueError) as error:
        raise InvalidInput("seal.key", f"公钥文件{path}不能读取", file=str(path)) from error
    raise InvalidInput("seal.key", f"公钥文件{path}不是64位（SM2为130位）十六进制数", file=str(path))


def own_public_keys(home: Path) -> frozenset[str]:
    """The public keys this installation keeps of its own; none where it never sealed. Raises InvalidInput `seal.key`."""
    paths = [public_path(home, algorithm) for algorithm in ALGORITHMS.values()]
    return frozenset(read_public(path) for path in paths if path.is_file())
