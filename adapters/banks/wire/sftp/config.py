"""Where a bank's folders are and which host keys are trusted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SftpConfig:
    """One bank's SFTP front: address, our key, the bank's pinned host keys, folders, patience."""

    host: str
    port: int
    username: str
    client_key_path: Path
    """Our private key, ed25519, OpenSSH format, without a passphrase, readable by us only."""
    host_keys: tuple[str, ...]
    """The bank's public host keys as agreed on paper, `type base64`; no other key is ever accepted."""
    inbox: str = "/inbox"
    """Where our payment files go."""
    outbox: str = "/outbox"
    """Where the bank's files wait."""
    archive: str = "/archive"
    """Where the bank moves our files once taken."""
    login_seconds: int = 15
    """Patience for the whole way from TCP connect to an open SFTP session."""
    answer_seconds: int = 30
    """Patience for one answer afterwards."""
