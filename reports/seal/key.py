"""The key an installation seals with: Ed25519, one pair a home, the private half readable by its owner only.

SM2 is not offered yet: no library that is locked here signs with it. Digests are given in SM3 too.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ledger.core.errors import InvalidInput
from ledger.core.os_errors import os_reason
from ledger.db.passwords import write_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALGORITHM: Final = "Ed25519"


def key_id(public: str) -> str:
    """SHA-256 of the raw public key, in hex: what is printed on paper and compared."""
    return sha256(bytes.fromhex(public)).hexdigest()


@dataclass(frozen=True, slots=True)
class SealKey:
    """A pair of keys."""

    private: Ed25519PrivateKey

    @property
    def public(self) -> str:
        """The raw public key in hex."""
        return self.private.public_key().public_bytes_raw().hex()

    @property
    def id(self) -> str:
        """Its fingerprint."""
        return key_id(self.public)

    def sign(self, data: bytes) -> str:
        """The signature in hex."""
        return self.private.sign(data).hex()


def private_path(home: Path) -> Path:
    """Where the private key of a home lies."""
    return home / "secrets" / "seal-ed25519.key"


def public_path(home: Path) -> Path:
    """Where the public key lies: may be copied anywhere, and should be."""
    return home / "seal" / "public.key"


def ensure_key(home: Path) -> tuple[SealKey, bool]:
    """The home's key, made now where there is none, and whether it was. Raises InvalidInput `seal.key`."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    path = private_path(home)
    try:
        if path.is_file():
            return SealKey(
                Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text().strip()))
            ), False
        made = SealKey(Ed25519PrivateKey.generate())
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        public_path(home).parent.mkdir(parents=True, exist_ok=True)
        write_private(path, made.private.private_bytes_raw().hex() + "\n")
        public_path(home).write_text(made.public + "\n")
    except ValueError as error:
        raise InvalidInput("seal.key", f"签名密钥{path}不能读取：内容不是一个密钥", file=str(path)) from error
    except OSError as error:
        raise InvalidInput(
            "seal.key", f"签名密钥{path}不能读写：{os_reason(error)}", file=str(path)
        ) from error
    return made, True


def read_public(path: Path) -> str:
    """A public key somebody kept: 64 hexadecimal digits. Raises InvalidInput `seal.key`."""
    try:
        text = path.read_text().strip().lower()
        if len(bytes.fromhex(text)) == 32:
            return text
    except (OSError, ValueError) as error:
        raise InvalidInput("seal.key", f"公钥文件{path}不能读取", file=str(path)) from error
    raise InvalidInput("seal.key", f"公钥文件{path}不是64位十六进制数", file=str(path))
