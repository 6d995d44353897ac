"""What the operating system refuses, said in Chinese: one translation for every file and folder the program touches."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Final

from ledger.core.errors import InvalidInput, LedgerError, Unavailable

_REASONS: Final[Mapping[int, tuple[str, str]]] = {
    errno.ENOENT: ("file.missing", "不存在"),
    errno.EACCES: ("file.denied", "没有权限"),
    errno.EPERM: ("file.denied", "操作系统不允许"),
    errno.EROFS: ("file.denied", "所在的文件系统只读"),
    errno.EISDIR: ("file.is_folder", "是目录，不是文件"),
    errno.ENOTDIR: ("file.not_folder", "不是目录，或路径中有一段不是目录"),
    errno.ENOTEMPTY: ("file.exists", "目录不为空"),
    errno.EEXIST: ("file.exists", "已存在"),
    errno.ENAMETOOLONG: ("file.name", "名称过长"),
    errno.ELOOP: ("file.name", "符号链接循环"),
    errno.EINVAL: ("file.name", "操作系统不接受此名称或操作"),
    errno.ETXTBSY: ("file.busy", "正被使用"),
    errno.EBUSY: ("file.busy", "正被使用"),
    errno.ENOSPC: ("file.disk_full", "磁盘已满"),
    errno.EDQUOT: ("file.disk_full", "磁盘配额已用完"),
    errno.EFBIG: ("file.disk_full", "文件过大"),
    errno.EIO: ("file.io", "磁盘读写出错"),
    errno.EMFILE: ("system.files_open", "打开的文件过多"),
    errno.ENFILE: ("system.files_open", "打开的文件过多"),
    errno.ENOMEM: ("system.memory", "内存不足"),
    errno.EADDRINUSE: ("system.address", "地址已被占用"),
    errno.EADDRNOTAVAIL: ("system.address", "本机没有这个地址"),
    errno.ECONNREFUSED: ("system.network", "对方拒绝连接"),
    errno.ECONNRESET: ("system.network", "连接被中断"),
    errno.EPIPE: ("system.network", "对方已关闭"),
    errno.EHOSTUNREACH: ("system.network", "不能到达对方主机"),
    errno.ENETUNREACH: ("system.network", "网络不通"),
    errno.ETIMEDOUT: ("system.network", "超时"),
}
_NOW_IMPOSSIBLE: Final = frozenset({"file.disk_full", "file.io", "file.busy"})


def os_reason(error: OSError) -> str:
    """Why the operating system refused, in Chinese; an error number without words keeps its number."""
    known = _REASONS.get(error.errno or 0)
    if known is not None:
        return known[1]
    return f"操作系统错误{errno.errorcode.get(error.errno or 0, error.errno or '')}"


def os_refusal(error: OSError) -> LedgerError:
    """An operating system's error as a refusal: `file.…` with the path it is about, else `system.…`.

    Unavailable where the same may work later (a full disk, a busy file), InvalidInput where it will not.
    """
    code = _REASONS.get(error.errno or 0, ("system.error", ""))[0]
    later = code in _NOW_IMPOSSIBLE or code.startswith("system.")
    kind = Unavailable if later else InvalidInput
    path = "" if error.filename is None else str(error.filename)
    words = f"{path}：{os_reason(error)}" if path else os_reason(error)
    return kind(code, words, file=path, errno=error.errno, system=error.strerror or str(error))
