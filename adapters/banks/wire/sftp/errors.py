"""What a failure on the wire means. SFTP errors often carry no number and the text `Failure`: the state of the
line decides, not the text.
"""

from __future__ import annotations

from typing import Final

from paramiko import SSHException
from paramiko.sftp import SFTPError

from ledger.core.errors import Unavailable

FAILURES: Final = (OSError, EOFError, SSHException, SFTPError, UnicodeError)
"""All that paramiko lets through; UnicodeError is a bank that explains itself in GBK."""

BREAKS: Final = (EOFError, SSHException, SFTPError, TimeoutError, ConnectionError)
"""Failures after which nothing read from the line can be trusted to answer the last question."""


def unreachable(host: str, error: BaseException) -> Unavailable:
    """The bank cannot be reached; nothing arrived there."""
    return Unavailable(
        "bank.unreachable",
        f"银行服务器“{host}”连接不上或连接中断，本次操作未送达，可原样重试",
        host=host,
        cause=_cause(error),
    )


def outcome_unknown(host: str, name: str, error: BaseException) -> Unavailable:
    """The line broke once the file may have arrived."""
    return Unavailable(
        "bank.unknown",
        f"文件“{name}”递送到最后一步时与银行“{host}”的连接中断，是否送达不明：只能原样重送同一文件或查询，不得另编新文件",
        host=host,
        file=name,
        cause=_cause(error),
    )


def refused(host: str, name: str, error: BaseException) -> Unavailable:
    """The bank's server answered no; the line is whole."""
    if isinstance(error, PermissionError):
        return Unavailable(
            "bank.denied",
            f"银行服务器“{host}”不允许对“{name}”的操作，请银行检查目录权限",
            host=host,
            file=name,
        )
    if isinstance(error, FileNotFoundError):
        return Unavailable(
            "bank.file_missing",
            f"银行服务器“{host}”上没有“{name}”",
            host=host,
            file=name,
            cause=_cause(error),
        )
    return Unavailable(
        "bank.refused", f"银行服务器“{host}”拒绝对“{name}”的操作", host=host, file=name, cause=_cause(error)
    )


def not_stored(host: str, name: str, cause: str) -> Unavailable:
    """The server took the bytes but does not give them back: full disk, quota, or worse."""
    return Unavailable(
        "bank.disk_full",
        f"文件“{name}”在银行服务器“{host}”上没有写完整（多为磁盘已满），未送达，可原样重试",
        host=host,
        file=name,
        cause=cause,
    )


def _cause(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:200]
