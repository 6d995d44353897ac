"""A bank's folders over SFTP: `SftpChannel` is the wire, `SftpConfig` says where it leads and whom to trust."""

from __future__ import annotations

from adapters.banks.wire.sftp.channel import SftpChannel
from adapters.banks.wire.sftp.config import SftpConfig

__all__ = ["SftpChannel", "SftpConfig"]
