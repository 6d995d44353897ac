"""Files for one named recipient: X25519 to a key of their own, AES-256-GCM in chunks, so that memory stays bounded whatever the size.

A sealed file is `MAGIC`, the ephemeral public key, the recipient's key id (8 bytes) and chunks of 64 KiB + 16 bytes. A chunk's
nonce is its number and a flag on the last one (the STREAM construction), so a file cut short or put together otherwise opens
nowhere. The key is HKDF-SHA256 of the shared secret over both public keys. Whoever seals holds no secret afterwards.
"""

from __future__ import annotations

import base64
import io
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from ledger.core.errors import Conflict, InvalidInput
from ledger.core.os_errors import os_reason
from ledger.core.private import write_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

MAGIC: Final = b"FUNDLEDGER-SEAL1"
WRAPPED: Final = b"FUNDLEDGER-SEAL4"
"""Begins what was sealed anew for another key: inside lies what was sealed before, as it was, behind the key of its content."""
CHUNK: Final = 65_536
_TAG: Final = 16
_KEY: Final = 32
_HEAD: Final = len(MAGIC) + 32 + 8
_PUBLIC: Final = "fundledger-recipient"
_PRIVATE: Final = "fundledger-recipient-key"
_INFO: Final = b"fundledger sealed file 1"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who can open it: a name, and the raw public key (32 bytes)."""

    name: str
    public: bytes

    @property
    def id(self) -> str:
        """16 hexadecimal digits of the public key's SHA-256."""
        return sha256(self.public).hexdigest()[:16]

    @property
    def line(self) -> str:
        """As its file has it."""
        return f"{_PUBLIC} {base64.b64encode(self.public).decode()} {self.name}\n"


def make_recipient(name: str, private: Path) -> Recipient:
    """A new pair: the private half into `private` (0600), the public one beside it as `.pub`.

    Raises InvalidInput `seal.recipient_name`, Conflict `seal.recipient_exists`, InvalidInput `seal.recipient_file`.
    """
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    if not name.strip() or any(ord(letter) < 32 for letter in name) or len(name) > 60:
        raise InvalidInput("seal.recipient_name", f"接收人名称“{name[:20]}”不合规：1至60个字，不含控制字符")
    public_path = private.with_name(private.name + ".pub")
    for path in (private, public_path):
        if path.exists():
            raise Conflict("seal.recipient_exists", f"{path}已存在，密钥不覆盖已有文件", path=str(path))
    key = X25519PrivateKey.generate()
    made = Recipient(name.strip(), key.public_key().public_bytes_raw())
    try:
        write_private(private, f"{_PRIVATE} {base64.b64encode(key.private_bytes_raw()).decode()}\n")
        write_private(public_path, made.line)
    except OSError as problem:
        raise InvalidInput("seal.recipient_file", f"不能写入{private}：{os_reason(problem)}") from problem
    return made


def home_key(home: Path) -> Path:
    """Where a home's own key lies, for what is sealed into the home itself; its public half beside it."""
    return home / "secrets" / "backup.key"


def home_recipient(home: Path) -> Recipient:
    """The home itself, its pair made now where there is none; raises as `make_recipient` and `read_recipient`."""
    private = home_key(home)
    public = private.with_name(private.name + ".pub")
    if not (private.exists() and public.exists()):
        private.parent.mkdir(mode=0o700, exist_ok=True)
        return make_recipient("本数据目录", private)
    return read_recipient(public)


def read_recipient(path: Path) -> Recipient:
    """The public half as its file has it; raises InvalidInput `seal.recipient_file`."""
    word, raw, name = _parts(path, 3)
    if word != _PUBLIC or len(raw) != 32:
        raise InvalidInput(
            "seal.recipient_file", f"{path}不是接收人公钥文件（fundledger db recipient 所写的.pub）"
        )
    return Recipient(name, raw)


def read_private(path: Path) -> X25519PrivateKey:
    """The private half; raises InvalidInput `seal.recipient_file`, and `seal.key_open` where others may read it."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    word, raw, _ = _parts(path, 2)
    if word != _PRIVATE or len(raw) != 32:
        raise InvalidInput("seal.recipient_file", f"{path}不是接收人私钥文件（fundledger db recipient 所写）")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise InvalidInput("seal.key_open", f"私钥文件{path}他人可读，拒绝使用：权限应为0600")
    return X25519PrivateKey.from_private_bytes(raw)


def _parts(path: Path, count: int) -> tuple[str, bytes, str]:
    try:
        words = path.read_text(encoding="utf-8").strip().split(" ", 2)
        if len(words) < count:
            return "", b"", ""
        return words[0], base64.b64decode(words[1], validate=True), words[2] if count == 3 else ""
    except OSError as problem:
        raise InvalidInput("seal.recipient_file", f"密钥文件{path}不可读：{os_reason(problem)}") from problem
    except ValueError:
        return "", b"", ""


def is_sealed(path: Path) -> bool:
    """Whether a file begins as a sealed one does."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def sealed_for(path: Path) -> str:
    """The id of the key a sealed file is for, by its head."""
    with path.open("rb") as file:
        return file.read(_HEAD)[-8:].hex()


def seal_stream(source: IO[bytes], target: IO[bytes], recipient: Recipient, magic: bytes = MAGIC) -> None:
    """Seal everything `source` gives into `target`, a chunk at a time."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    ephemeral = X25519PrivateKey.generate()
    public = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(recipient.public))
    cipher = AESGCM(_derive(shared, public, recipient.public))
    head = magic + public + bytes.fromhex(recipient.id)
    target.write(head)
    chunk, number = _full(source), 0
    while True:
        following = _full(source) if len(chunk) == CHUNK else b""
        target.write(cipher.encrypt(_nonce(number, last=not following), chunk, head))
        if not following:
            return
        chunk, number = following, number + 1


def open_stream(source: IO[bytes], key: X25519PrivateKey) -> Iterator[bytes]:
    """The content of a sealed file, a chunk at a time, each proven before it is given.

    Raises InvalidInput `seal.other_recipient` for a file sealed for another key, `seal.broken` where it was changed or cut.
    """
    head = source.read(_HEAD)
    return open_chunks(source, head, content_key(head, key))


def content_key(head: bytes, key: X25519PrivateKey, magic: bytes = MAGIC) -> bytes:
    """What opens one sealed file and no other, by its head; raises as `open_stream`."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

    own = key.public_key().public_bytes_raw()
    if len(head) != _HEAD or not head.startswith(magic):
        raise InvalidInput("seal.broken", "不是本程序加密的文件，或已被截断")
    if head[-8:] != sha256(own).digest()[:8]:
        raise InvalidInput(
            "seal.other_recipient",
            f"文件是为密钥{head[-8:].hex()}加密的，所给私钥为{sha256(own).hexdigest()[:16]}",
        )
    public = head[len(MAGIC) : len(MAGIC) + 32]
    return _derive(key.exchange(X25519PublicKey.from_public_bytes(public)), public, own)


def open_chunks(source: IO[bytes], head: bytes, secret: bytes) -> Iterator[bytes]:
    """What follows the head of a sealed file, opened by its content's key; raises InvalidInput `seal.broken`."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    cipher = AESGCM(secret)
    chunk, number = _full(source, CHUNK + _TAG), 0
    while True:
        following = _full(source, CHUNK + _TAG) if len(chunk) == CHUNK + _TAG else b""
        try:
            yield cipher.decrypt(_nonce(number, last=not following), chunk, head)
        except InvalidTag:
            raise InvalidInput("seal.broken", f"加密文件第{number + 1}段被改动或截断，拒绝使用") from None
        if not following:
            return
        chunk, number = following, number + 1


def wrap(sealed: bytes, key: X25519PrivateKey, recipient: Recipient) -> bytes:
    """What was sealed for `key`, sealed anew for `recipient`: as it was, with the key of its content alone. It can be shown then that
    nothing of it was changed, and neither the old private key nor what it was taken from is needed to open it. Raises as `open_stream`.
    """
    if sealed.startswith(WRAPPED):
        inside = b"".join(
            open_chunks(io.BytesIO(sealed[_HEAD:]), sealed[:_HEAD], content_key(sealed[:_HEAD], key, WRAPPED))
        )
    else:
        inside = content_key(sealed[:_HEAD], key) + sealed
        b"".join(open_chunks(io.BytesIO(sealed[_HEAD:]), sealed[:_HEAD], inside[:_KEY]))  # opens, or raises
    made = io.BytesIO()
    seal_stream(io.BytesIO(inside), made, recipient, WRAPPED)
    return made.getvalue()


def unwrap(wrapped: bytes, key: X25519PrivateKey) -> tuple[bytes, bytes]:
    """What `wrap` sealed: the sealed bytes as they were before, and what they say. Raises as `open_stream`."""
    head = wrapped[:_HEAD]
    inside = b"".join(open_chunks(io.BytesIO(wrapped[_HEAD:]), head, content_key(head, key, WRAPPED)))
    secret, was = inside[:_KEY], inside[_KEY:]
    return was, b"".join(open_chunks(io.BytesIO(was[_HEAD:]), was[:_HEAD], secret))


def _derive(shared: bytes, ephemeral: bytes, recipient: bytes) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), 32, salt=ephemeral + recipient, info=_INFO).derive(shared)


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _full(source: IO[bytes], size: int = CHUNK) -> bytes:
    """As many bytes as asked for unless the source ends: a pipe gives them in pieces."""
    found = bytearray()
    while len(found) < size and (part := source.read(size - len(found))):
        found += part
    return bytes(found)
