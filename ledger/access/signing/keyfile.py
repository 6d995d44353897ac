"""A person's key in a file: encrypted under a passphrase, readable by its owner only, else refused.

The public half stands in clear beside it, so that a key is enrolled without its passphrase. scrypt makes guessing dear;
AES-256-GCM seals the secret together with everything else the file says.
"""

from __future__ import annotations

import json
import os
import secrets
import stat
from pathlib import Path
from typing import Any, Final

from ledger.access.signing.pair import Algorithm, KeyPair, generate, key_id, pair
from ledger.access.signing.statement import canonical
from ledger.core.errors import Forbidden, InvalidInput
from ledger.core.os_errors import os_reason
from ledger.core.private import private_folder, write_private

FORMAT: Final = "fundledger-key"
PASSPHRASE_MIN: Final = 10
_COST: Final = 1 << 16
"""scrypt's N: some 64 MB and a tenth of a second for each guess."""
_COST_MAX: Final = 1 << 20
_SIZE_MAX: Final = 10_000


def new_key(path: Path, algorithm: Algorithm, passphrase: str) -> KeyPair:
    """Make a key and its file. Raises InvalidInput `signing_key.passphrase_short`, `signing_key.file`; nothing is overwritten."""
    if len(passphrase) < PASSPHRASE_MIN:
        raise InvalidInput("signing_key.passphrase_short", f"口令至少{PASSPHRASE_MIN}个字符")
    if path.exists() or path.is_symlink():
        raise InvalidInput("signing_key.file", f"密钥文件{path}已经存在，不覆盖", file=str(path))
    made = pair(algorithm, generate(algorithm))
    head = {
        "format": FORMAT,
        "version": 1,
        "algorithm": made.algorithm,
        "public_key": made.public,
        "fingerprint": made.id,
        "kdf": {"name": "scrypt", "n": _COST, "r": 8, "p": 1, "salt": secrets.token_hex(16)},
        "cipher": "AES-256-GCM",
        "nonce": secrets.token_hex(12),
    }
    sealed = _cipher(head, passphrase).encrypt(
        bytes.fromhex(str(head["nonce"])), made.private, canonical(head).encode()
    )
    try:
        private_folder(path.parent)
        write_private(path, canonical({**head, "secret": sealed.hex()}) + "\n")
    except OSError as error:
        raise InvalidInput(
            "signing_key.file", f"密钥文件{path}不能写：{os_reason(error)}", file=str(path)
        ) from error
    return made


def read_public(path: Path) -> tuple[Algorithm, str]:
    """Algorithm and public key of a key file, without its passphrase. Raises as `open_key`."""
    found = _read(path)
    return found["algorithm"], found["public_key"]


def open_key(path: Path, passphrase: str) -> KeyPair:
    """The key of a file.

    Raises Forbidden `signing_key.file_readable` where others may read or write it; InvalidInput `signing_key.file`,
    `signing_key.passphrase`.
    """
    from cryptography.exceptions import InvalidTag

    found = _read(path)
    sealed = bytes.fromhex(found.pop("secret"))
    try:
        private = _cipher(found, passphrase).decrypt(
            bytes.fromhex(found["nonce"]), sealed, canonical(found).encode()
        )
    except InvalidTag:
        raise InvalidInput(
            "signing_key.passphrase", f"密钥文件{path}打不开：口令不对，或文件被改动", file=str(path)
        ) from None
    made = pair(found["algorithm"], private)
    if made.public != found["public_key"]:
        raise InvalidInput("signing_key.file", f"密钥文件{path}的公钥与私钥不符", file=str(path))
    return made


def read_owned(path: Path, what: str) -> str:
    """The text of a small file that nobody but its owner may read or write, and whose owner is who asks.

    Raises Forbidden `signing_key.file_readable`; InvalidInput `signing_key.file`.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, encoding="utf-8") as file:
            found = os.fstat(file.fileno())
            if (
                not stat.S_ISREG(found.st_mode)
                or found.st_mode & 0o077
                or found.st_uid not in (0, os.geteuid())
            ):
                raise Forbidden(
                    "signing_key.file_readable",
                    f"{what}{path}可被他人读写（权限{stat.S_IMODE(found.st_mode):o}）：应只属于本人且权限为600，不予使用",
                    file=str(path),
                )
            return file.read(_SIZE_MAX)
    except OSError as error:
        raise InvalidInput(
            "signing_key.file", f"{what}{path}不能读取：{os_reason(error)}", file=str(path)
        ) from error
    except UnicodeDecodeError:
        raise InvalidInput("signing_key.file", f"{what}{path}不是文字", file=str(path)) from None


def _read(path: Path) -> dict[str, Any]:
    text = read_owned(path, "密钥文件")
    try:
        found = json.loads(text)
        good = (
            (found["format"], found["version"], found["cipher"]) == (FORMAT, 1, "AES-256-GCM")
            and found["algorithm"] in ("Ed25519", "SM2")
            and key_id(found["public_key"]) == found["fingerprint"]
            and found["kdf"]["name"] == "scrypt"
            and 2 <= found["kdf"]["n"] <= _COST_MAX
            and (found["kdf"]["r"], found["kdf"]["p"]) == (8, 1)
            and bytes.fromhex(found["secret"])
            and bytes.fromhex(found["kdf"]["salt"])
            and len(bytes.fromhex(found["nonce"])) == 12
        )
    except (ValueError, KeyError, TypeError):
        good = False
    if not good:
        raise InvalidInput("signing_key.file", f"{path}不是密钥文件，或已损坏", file=str(path))
    return dict(found)


def _cipher(head: dict[str, Any], passphrase: str) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    kdf = head["kdf"]
    made = Scrypt(bytes.fromhex(kdf["salt"]), 32, kdf["n"], kdf["r"], kdf["p"])
    return AESGCM(made.derive(passphrase.encode()))
