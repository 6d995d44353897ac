"""A ZIP from outside, unpacked in memory and within limits, or refused.

The directory is judged before anything is unpacked, and what it declares bounds what is unpacked: zipfile stops at
the declared size and the checksum then gives a lying entry away.
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from typing import Final

from ledger.core.errors import InvalidInput

CONTAINER_BYTES_MAX: Final = 16 * 1024 * 1024
ENTRIES_MAX: Final = 256
DIRECTORY_BYTES_MAX: Final = 64 * 1024
UNPACKED_BYTES_MAX: Final = 32 * 1024 * 1024
RATIO_MAX: Final = 100
"""Unpacked over packed; receipts' XML stays under 30."""
RATIO_FREE_BYTES: Final = 64 * 1024
"""Below this an entry may have any ratio: a short repetitive page packs well."""

_MAGIC = b"PK\x03\x04"
_END = b"PK\x05\x06"
_END_SIZE = 22
_ZIP64_LOCATOR = b"PK\x06\x07"
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_UTF8_NAME = 0x800


def is_zip(content: bytes) -> bool:
    """Whether `content` begins like a ZIP with entries."""
    return content.startswith(_MAGIC)


def unpack(content: bytes) -> dict[str, bytes]:
    """Every file of the ZIP by name.

    Raises InvalidInput `bankfile.too_large`, `bankfile.container` (truncated, damaged, encrypted, a link, an
    odd method), `bankfile.container_name` (absolute, `..`, backslash, twice), `bankfile.container_bomb`,
    `bankfile.container_nested`.
    """
    _check_end(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = archive.infolist()
            _check_directory(infos, len(content))
            return {info.filename: _read(archive, info) for info in infos if not info.is_dir()}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError):
        raise InvalidInput("bankfile.container", "容器损坏或被截断") from None


def _check_end(content: bytes) -> None:
    # Before zipfile reads the directory: it would read one of any length.
    if len(content) > CONTAINER_BYTES_MAX:
        raise InvalidInput(
            "bankfile.too_large",
            f"容器有{len(content)}字节，超过上限{CONTAINER_BYTES_MAX}字节",
            size=len(content),
        )
    end = content[-_END_SIZE:]
    if len(end) < _END_SIZE or not end.startswith(_END) or end[-2:] != b"\0\0":
        if _has_comment(content):
            raise InvalidInput("bankfile.container", "容器末尾带有注释，不接受，请银行去掉注释后重发")
        raise InvalidInput("bankfile.container", "容器没有完整的结尾，可能被截断")
    directory = int.from_bytes(end[12:16], "little")
    entries = int.from_bytes(end[10:12], "little")
    if (
        content[-_END_SIZE - 20 :].startswith(_ZIP64_LOCATOR)
        or directory > DIRECTORY_BYTES_MAX
        or entries > ENTRIES_MAX
    ):
        raise InvalidInput("bankfile.container_bomb", f"容器的目录过大（{entries}项）", entries=entries)


def _has_comment(content: bytes) -> bool:
    """Whether the end stands further up, followed by as many bytes as it says its comment has."""
    at = content.rfind(_END, max(0, len(content) - _END_SIZE - 0xFFFF))
    if at < 0 or len(content) - at < _END_SIZE:
        return False
    return int.from_bytes(content[at + 20 : at + 22], "little") == len(content) - at - _END_SIZE


def _check_directory(infos: list[zipfile.ZipInfo], size: int) -> None:
    if len(infos) > ENTRIES_MAX:
        raise InvalidInput("bankfile.container_bomb", f"容器有{len(infos)}项，超过{ENTRIES_MAX}项")
    names: set[str] = set()
    for info in infos:
        _check_name(info, names)
        _check_kind(info)
        ratio_allowed = info.file_size <= max(RATIO_FREE_BYTES, RATIO_MAX * info.compress_size)
        if not ratio_allowed:
            raise InvalidInput(
                "bankfile.container_bomb",
                f"容器内“{info.filename[:80]}”压缩比超过{RATIO_MAX}",
                name=info.filename[:80],
            )
    if sum(info.file_size for info in infos) > UNPACKED_BYTES_MAX:
        raise InvalidInput("bankfile.container_bomb", f"容器解开后超过{UNPACKED_BYTES_MAX}字节")
    # Entries that share packed bytes add up to more than the file.
    if sum(info.compress_size for info in infos) > size:
        raise InvalidInput("bankfile.container_bomb", "容器内各项互相重叠")


def _check_name(info: zipfile.ZipInfo, seen: set[str]) -> None:
    name = info.orig_filename
    shown = name.encode("unicode_escape").decode() if not name.isprintable() else name
    if cause := _unfit(info):
        raise InvalidInput("bankfile.container_name", f"容器内文件名“{shown[:80]}”{cause}", name=shown[:80])
    folded = name.removesuffix("/").casefold()
    if folded in seen:
        raise InvalidInput("bankfile.container_name", f"容器内文件名“{name[:80]}”重复", name=name[:80])
    seen.add(folded)


def _unfit(info: zipfile.ZipInfo) -> str:
    """What is wrong with an entry's name, in words; "" for one that means the same file everywhere."""
    name = info.orig_filename
    if not info.flag_bits & _UTF8_NAME and not name.isascii():
        return "既不是ASCII，也没有注明是UTF-8（可能是GBK），请银行改用UTF-8"
    if "\\" in name:
        return "用了反斜杠，应为正斜杠"
    if not name.isprintable() or name != info.filename:
        return "含有不可见的字符"
    if ":" in name or any(part in ("", ".", "..") for part in name.removesuffix("/").split("/")):
        return "不安全（绝对路径或含..）"
    return ""


def _check_kind(info: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    regular = kind in (0, stat.S_IFREG, stat.S_IFDIR)
    if not regular or info.flag_bits & _ENCRYPTED or info.compress_type not in _METHODS:
        raise InvalidInput(
            "bankfile.container",
            f"容器内“{info.filename[:80]}”是链接、已加密或用了不接受的压缩方法",
            name=info.filename[:80],
        )


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as stream:
        # One byte more than declared: zipfile then unpacks no more than that and compares the checksum,
        # while a plain read() would unpack whatever a lying entry holds.
        data = stream.read(info.file_size + 1)
    if len(data) != info.file_size:
        raise InvalidInput(
            "bankfile.container", f"容器内“{info.filename[:80]}”不完整", name=info.filename[:80]
        )
    if data.startswith((_MAGIC, _END)):
        raise InvalidInput(
            "bankfile.container_nested", f"容器内“{info.filename[:80]}”又是一个容器", name=info.filename[:80]
        )
    return data
