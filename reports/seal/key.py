"""The keys an installation seals with: one pair of each algorithm a home, the private half readable by its owner only."""

from __future__ import annotations

from pathlib import Path

from ledger.access.signing.pair import (
    ALGORITHMS,
    ED25519,
    PUBLIC_SIZES,
    Algorithm,
    KeyPair,
    generate,
    pair,
)
from ledger.core.errors import InvalidInput
from ledger.core.os_errors import os_reason
from ledger.core.private import private_folder, write_private


def private_path(home: Path, algorithm: Algorithm = ED25519) -> Path:
    """Where the private key of a home lies."""
    return home / "secrets" / f"seal-{algorithm.lower()}.key"


def public_path(home: Path, algorithm: Algorithm = ED25519) -> Path:
    """Where the public key lies: may be copied anywhere, and should be."""
    return home / "seal" / ("public.key" if algorithm == ED25519 else f"public-{algorithm.lower()}.key")


def ensure_key(home: Path, algorithm: Algorithm = ED25519) -> tuple[KeyPair, bool]:
    """The home's key, made now where there is none, and whether it was. Raises InvalidInput `seal.key`."""
    path = private_path(home, algorithm)
    try:
        if path.is_file():
            return pair(algorithm, bytes.fromhex(path.read_text().strip())), False
        made = pair(algorithm, generate(algorithm))
        private_folder(path.parent)
        private_folder(public_path(home, algorithm).parent)
        write_private(path, made.private.hex() + "\n")
        write_private(public_path(home, algorithm), made.public + "\n")
    except ValueError as error:
        raise InvalidInput("seal.key", f"签名密钥{path}不能读取：内容不是一个密钥", file=str(path)) from error
    except OSError as error:
        raise InvalidInput(
            "seal.key", f"签名密钥{path}不能读写：{os_reason(error)}", file=str(path)
        ) from error
    return made, True


def read_public(path: Path) -> str:
    """A public key somebody kept: 64 hexadecimal digits, of SM2 130. Raises InvalidInput `seal.key`."""
    try:
        text = path.read_text().strip().lower()
        if len(bytes.fromhex(text)) in PUBLIC_SIZES:
            return text
    except (OSError, ValueError) as error:
        raise InvalidInput("seal.key", f"公钥文件{path}不能读取", file=str(path)) from error
    raise InvalidInput("seal.key", f"公钥文件{path}不是64位（SM2为130位）十六进制数", file=str(path))


def own_public_keys(home: Path) -> frozenset[str]:
    """The public keys this installation keeps of its own; none where it never sealed. Raises InvalidInput `seal.key`."""
    paths = [public_path(home, algorithm) for algorithm in ALGORITHMS.values()]
    return frozenset(read_public(path) for path in paths if path.is_file())
